package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrTooLarge says that an object is larger than anything that belongs under its key.
var ErrTooLarge = errors.New("object is too large")

// ReadAll reads a whole object of at most limit bytes. A larger one is ErrTooLarge, found out by
// reading one byte more, so that a store cannot size an allocation.
func ReadAll(ctx context.Context, b Bucket, key string, limit int64) ([]byte, error) {
	body, err := b.Get(ctx, key, 0, limit+1)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("get %s: %w: more than %d bytes", key, ErrTooLarge, limit)
	}
	return data, nil
}
