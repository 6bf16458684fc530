package blocks

import (
	"context"
	"io"
	"math/bits"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
)

// void is a store of one large object of zeros that counts.
type void struct {
	store.Bucket
	size            int64
	requests, bytes atomic.Int64 // reads ahead count too
}

func (v *void) Stat(context.Context, string) (store.Object, error) {
	return store.Object{Key: "x", Size: v.size}, nil
}

func (v *void) Get(_ context.Context, _ string, _, n int64) (io.ReadCloser, error) {
	v.requests.Add(1)
	v.bytes.Add(n)
	return io.NopCloser(io.LimitReader(zeros{}, n)), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestAhead: who reads on, slower than the line brings it, waits for the first requests only.
func TestAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, work = 256, 10 * time.Millisecond
		f := put(t, noise(n*blockSize))
		f.delay = 20 * time.Millisecond
		r, err := Open(t.Context(), f, "x", 0)
		if err != nil {
			t.Fatal(err)
		}
		started, buf := time.Now(), make([]byte, blockSize)
		for i := range int64(n) {
			if _, err := r.ReadAt(buf, i*blockSize); err != nil {
				t.Fatal(err)
			}
			time.Sleep(work)
		}
		waited := time.Since(started) - n*work
		t.Logf("%d requests, waited %v", f.requests.Load(), waited)
		if most := 4 * f.delay; waited > most {
			t.Errorf("waited %v for the line, at most %v was to be expected", waited, most)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.ReadAt(buf, 0); err == nil {
			t.Error("read after Close")
		}
	})
}

// TestCloseAhead: Close waits for what is being fetched ahead, which ends with it.
func TestCloseAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := put(t, noise(64*blockSize))
		f.delay = time.Hour
		r, err := Open(t.Context(), f, "x", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadAt(make([]byte, 8*blockSize), 0); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil || r.pace.ahead != 0 {
			t.Errorf("%d runs still on their way, %v", r.pace.ahead, err)
		}
	})
}

// TestWalk reads a slide in the order of the tiler's walk, one whose rows of tiles the cache holds and one
// whose rows it does not: going ahead must not move the object twice.
func TestWalk(t *testing.T) {
	for _, c := range []struct {
		name  string
		side  int // in tiles, a power of two
		cache int64
		most  float64 // bytes moved, in sizes of the object
	}{{"fits", 64, 64 << 20, 1.05}, {"does not", 256, 16 << 20, 1.6}, {"by far", 512, 8 << 20, 3}} {
		const tile = 12 << 10
		v := &void{size: int64(c.side) * int64(c.side) * tile}
		r, err := Open(t.Context(), v, "x", c.cache)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, tile)
		for i := range c.side * c.side {
			col, row := even(i), even(i>>1)
			if _, err := r.ReadAt(buf, int64(row*c.side+col)*tile); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		moved := float64(v.bytes.Load()) / float64(v.size)
		t.Logf("%s: %d requests, %.2f times the object, runs of %d in the end", c.name, v.requests.Load(), moved, r.pace.most)
		if moved > c.most {
			t.Errorf("%s: moved %.2f times the object, want at most %.2f", c.name, moved, c.most)
		}
	}
}

// even gathers the even bits of i: with i>>1, the place of tile i of a depth-first walk.
func even(i int) (v int) {
	for b := 0; b < bits.Len(uint(i)); b += 2 {
		v |= i >> b & 1 << (b / 2)
	}
	return v
}
