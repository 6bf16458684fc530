package szi

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Upload is an archive on its way into a bucket. It is not safe for concurrent use.
type Upload struct {
	*Writer
	pipe  *io.PipeWriter
	done  chan error
	ended bool
}

// Create streams an archive into the bucket under key; it appears there, whole, when Commit returns.
//
// # Memory
//
// The Writer's records and what one Put holds: on S3 a part of 16 MiB.
func Create(ctx context.Context, b store.Bucket, key string, m Image) (*Upload, error) {
	r, w := io.Pipe()
	u := &Upload{pipe: w, done: make(chan error, 1)}
	go func() {
		err := b.Put(ctx, key, r, -1)
		r.CloseWithError(cause(err)) // a Put that ends early ends the writer too
		u.done <- err
	}()
	var err error
	if u.Writer, err = NewWriter(w, m); err != nil {
		return nil, errors.Join(err, u.Abort())
	}
	return u, nil
}

func cause(err error) error {
	if err == nil {
		return io.ErrClosedPipe
	}
	return err
}

// Commit ends the archive and waits until it is in the bucket.
func (u *Upload) Commit() error {
	if err := u.Close(); err != nil {
		return errors.Join(err, u.Abort())
	}
	if err := u.pipe.Close(); err != nil {
		return err
	}
	u.ended = true
	return <-u.done
}

var errAborted = errors.New("the archive was given up")

// Abort ends an archive that was not finished: nothing appears in the bucket. After Commit it does nothing.
func (u *Upload) Abort() error {
	if u.ended {
		return nil
	}
	u.ended = true
	u.pipe.CloseWithError(errAborted)
	err := <-u.done
	if errors.Is(err, errAborted) {
		err = nil
	}
	if u.Writer != nil {
		err = errors.Join(err, u.tiles.discard())
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// Tiles is what the tiler hands its tiles to.
type Tiles interface {
	Add(t pyramid.Tile, data []byte) error
}

var _ Tiles = (*Upload)(nil)
