package store_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// trickling is a bucket whose objects come byte by byte, as from a server, and not from memory at once.
type trickling struct{ store.Bucket }

func (b trickling) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	r, err := b.Bucket.Get(ctx, key, off, n)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(iotest.OneByteReader(r)), nil
}

func TestReadAllStopsAtItsLimit(t *testing.T) {
	memory := mem.New()
	if err := memory.Put(t.Context(), "slides/a", strings.NewReader("12345"), 5); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]store.Bucket{"memory": memory, "byte by byte": trickling{memory}} {
		t.Run(name, func(t *testing.T) {
			if data, err := store.ReadAll(t.Context(), b, "slides/a", 5); err != nil || string(data) != "12345" {
				t.Errorf("at the limit: %q, %v", data, err)
			}
			if _, err := store.ReadAll(t.Context(), b, "slides/a", 4); !errors.Is(err, store.ErrTooLarge) {
				t.Errorf("beyond the limit: %v", err)
			}
			if _, err := store.ReadAll(t.Context(), b, "slides/b", 4); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("what is not there: %v", err)
			}
		})
	}
}
