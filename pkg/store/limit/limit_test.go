package limit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/limit"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(*testing.T) store.Bucket { return limit.New(mem.New(), limit.Config{Requests: 2, Bytes: 100_000}) },
		Big:  300_000,
	})
}

// crowd watches how many Puts, and how many of their bytes, are inside at once.
type crowd struct {
	store.Bucket
	puts, mostPuts, bytes, mostBytes atomic.Int64
}

func (c *crowd) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	note(&c.mostPuts, c.puts.Add(1))
	note(&c.mostBytes, c.bytes.Add(size))
	defer c.puts.Add(-1)
	defer c.bytes.Add(-size)
	time.Sleep(time.Millisecond) // or they would hardly meet
	return c.Bucket.Put(ctx, key, r, size)
}

func note(most *atomic.Int64, n int64) {
	for {
		old := most.Load()
		if n <= old || most.CompareAndSwap(old, n) {
			return
		}
	}
}

func TestLimits(t *testing.T) {
	c := &crowd{Bucket: mem.New()}
	b := limit.New(c, limit.Config{Requests: 5, Bytes: 3000})
	var group errgroup.Group
	for i := range 60 {
		group.Go(func() error {
			data := make([]byte, 100+i%2*900)
			return b.Put(t.Context(), string(rune('a'+i%26)), bytes.NewReader(data), int64(len(data)))
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if puts, n := c.mostPuts.Load(), c.mostBytes.Load(); puts > 5 || n > 3000 || puts < 2 {
		t.Errorf("%d puts of %d bytes at once, want 2 to 5 and at most 3000", puts, n)
	}
}

// TestReaderHolds: a Get holds its request until Close, and Close twice gives back one.
func TestReaderHolds(t *testing.T) {
	b := limit.New(mem.New(), limit.Config{Requests: 1})
	if err := b.Put(t.Context(), "k", bytes.NewReader(nil), 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r, err := b.Get(t.Context(), "k", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := b.Stat(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stat beside a reader: %v, want to wait", err)
		}
		cancel()
		for range 2 {
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Get(t.Context(), "missing", 0, -1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get: %v", err) // and gives its request back
		}
	}
}
