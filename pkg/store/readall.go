package store

import (
	"bytes"
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
	all := &whole{limit: limit}
	if _, err := io.Copy(all, body); err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	return all.data.Bytes(), nil
}

// whole is an object in the making. What lies in memory already, such as a tile of an archive, is written here at
// once, into memory of its size; from elsewhere it is read bit by bit into memory that grows.
type whole struct {
	data  bytes.Buffer
	limit int64
}

func (w *whole) Write(p []byte) (int, error) {
	if int64(len(p)) > w.limit-int64(w.data.Len()) {
		return 0, w.tooLarge()
	}
	return w.data.Write(p)
}

// ReadFrom implements io.ReaderFrom.
func (w *whole) ReadFrom(r io.Reader) (int64, error) {
	n, err := w.data.ReadFrom(io.LimitReader(r, w.limit+1))
	if err == nil && int64(w.data.Len()) > w.limit {
		err = w.tooLarge()
	}
	return n, err
}

func (w *whole) tooLarge() error { return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, w.limit) }
