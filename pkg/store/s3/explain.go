package s3

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/minio/minio-go/v7"

	"github.com/slidemill/slidemill/pkg/store"
)

// explain gives a server's answer the meaning that store.Bucket promises, and a hint.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", ended, err)
	}
	meaning, hint := classify(answerOf(err))
	if meaning == nil {
		return err
	}
	return fmt.Errorf("%w: %w%s", meaning, err, hint)
}

// unreached is a hint for who opens a store to which no connection could be made; "" for whatever else went wrong.
func unreached(ctx context.Context, err error, endpoint string) (hint string) {
	var way *net.OpError
	if ctx.Err() != nil || !errors.As(err, &way) || way.Op != "dial" {
		return ""
	}
	return fmt.Sprintf(": nobody answers at %s: check the store's address (AWS_ENDPOINT_URL) and whether the server runs; nothing is lost, run the same command again", endpoint)
}

// answerOf finds the server's answer in an error; it is empty for trouble on the way.
func answerOf(err error) (answer minio.ErrorResponse) {
	errors.As(err, &answer)
	return answer
}

func classify(answer minio.ErrorResponse) (meaning error, hint string) {
	switch answer.Code {
	case "NoSuchKey", "NotFound":
		return store.ErrNotFound, ""
	case "NoSuchBucket":
		return store.ErrNotFound, ""
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "XAdminUserNotFound": // the last is versitygw's
		return store.ErrDenied, ": check the access key and its secret (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or the credentials file)"
	case "AccessDenied", "AllAccessDisabled", "AccountProblem":
		return store.ErrDenied, ": check the access key, and that it may read, write, list and delete in the bucket"
	case "RequestTimeTooSkewed":
		return store.ErrDenied, ": set this machine's clock"
	case "ExpiredToken", "InvalidToken":
		return store.ErrDenied, ": renew the credentials"
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "InsufficientCapacity":
		return store.ErrNoSpace, ": make room or raise the quota, and run the same command again"
	}
	switch answer.StatusCode {
	case 401, 403:
		return store.ErrDenied, ": check the access key and its rights"
	case 412:
		return store.ErrReplaced, ""
	case 507:
		return store.ErrNoSpace, ": make room on the server, and run the same command again"
	}
	return nil, ""
}
