#!/usr/bin/env bash
# Runs all checks: format, vet, tests (with the race detector where there is a C compiler), portable
# builds, and every fuzz target for a few hundred inputs.
#
#   scripts/test.sh           everything
#   FUZZ=0 scripts/test.sh    without fuzzing;  FUZZ=60s: a minute per target (default: 300 inputs each)
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }

step format
unformatted=$(git ls-files '*.go' | xargs -r gofmt -l)
[ -z "$unformatted" ] || { echo "not gofmt-ed: $unformatted" >&2; exit 1; }

step vet
go vet ./...

step portable builds
CGO_ENABLED=0 go build -o /dev/null ./cmd/slidemill
CGO_ENABLED=0 GOARCH=arm64 go vet ./...
CGO_ENABLED=0 GOOS=windows go vet ./cmd/slidemill
if GOARCH=arm64 go build -gcflags=-S ./pkg/slide/icc 2>&1 | grep -E 'FN?M(ADD|SUB)[SD]'; then
  echo "test: pkg/slide/icc fuses where the machine can: put an explicit float64() around the product" >&2
  exit 1
fi
if command -v qemu-aarch64-static >/dev/null; then # colours are the same bytes on every machine
  CGO_ENABLED=0 GOARCH=arm64 go test -tags static -exec qemu-aarch64-static -run 'Bytes|Bits' ./pkg/slide/icc
fi

step tests
race=
if command -v "$(go env CC)" >/dev/null; then race=-race; else echo "no C compiler: without the race detector"; fi
go test $race -timeout 15m ./...

fuzz=${FUZZ:-300x}
[ "$fuzz" = 0 ] || scripts/fuzz.sh "$fuzz"
