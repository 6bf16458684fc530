# A static binary that runs as nobody, with nothing beside it but the certificates of the public
# authorities.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Without the tag the binary looks for libjpeg-turbo at run time, and needs a system's loader for that.
RUN CGO_ENABLED=0 go build -tags static -trimpath -ldflags="-s -w" -o /slidemill ./cmd/slidemill

RUN mkdir -p /out/tmp /out/data

FROM scratch
COPY --from=build --chown=65532:65532 /out/ /
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /slidemill /slidemill
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/slidemill"]
