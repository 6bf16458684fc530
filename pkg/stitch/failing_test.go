package stitch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// TestCoverage: one error names everything that is missing or damaged, and nothing is published.
func TestCoverage(t *testing.T) {
	w := blobs(tiny, 4)
	b, p := mem.New(), w.plan(t, 64)
	w.put(t, b, p)
	keys := store.Slide(p.Slide).Run(p.Run)
	damage := map[string]func(data []byte) []byte{
		"cut short":       func(d []byte) []byte { return d[:len(d)/2] },
		"empty":           func([]byte) []byte { return nil },
		"one pixel":       func(d []byte) []byte { return onePixel(t, w, p, d) },
		"checksum":        func(d []byte) []byte { d[30] ^= 1; return d },
		"of another run":  func(d []byte) []byte { d[5]++; return d },
		"far too long":    func(d []byte) []byte { return append(d, make([]byte, 1<<20)...) },
		"of another cell": func([]byte) []byte { return read(t, b, keys.Region(p.Regions[0])) },
	}
	want := &CoverageError{Planned: len(p.Regions), Missing: []pyramid.Region{p.Regions[1], p.Regions[9]}}
	for _, at := range want.Missing {
		if err := b.Delete(t.Context(), keys.Region(at)); err != nil {
			t.Fatal(err)
		}
	}
	i := 2
	for name, harm := range damage {
		at := p.Regions[i]
		data := harm(bytes.Clone(read(t, b, keys.Region(at))))
		if err := b.Put(t.Context(), keys.Region(at), bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(name, err)
		}
		want.Damaged = append(want.Damaged, at)
		i++
	}
	_, err := Run(t.Context(), w.config(t, b, p, 2))
	var got *CoverageError
	if !errors.As(err, &got) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(objects(t, b, p)); n != 0 {
		t.Errorf("%d objects were published", n)
	}
}

// onePixel is a region file of the same place with one pixel changed under the old checksum. Which
// region it is, its own header says.
func onePixel(t *testing.T, w *world, p *segment.Plan, data []byte) []byte {
	t.Helper()
	at := pyramid.Region{Col: int(data[15]), Row: int(data[19])} // big endian, after magic and run
	m := w.region(p, at)
	m.Planes[0][7]++
	changed, err := segment.EncodeRegion(m)
	if err != nil {
		t.Fatal(err)
	}
	const head, sum = 29, 32
	copy(changed[head:head+sum], data[head:])
	return changed
}

// TestProgress: every step begins and ends where it says.
func TestProgress(t *testing.T) {
	w := blobs(tiny, 7)
	b, p := mem.New(), w.plan(t, 128)
	w.put(t, b, p)
	c := w.config(t, b, p, 1)
	last := map[Step][2]int64{}
	c.Progress = func(step Step, done, total int64) { last[step] = [2]int64{done, total} }
	if _, err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(last) != 4 {
		t.Errorf("steps %v", last)
	}
	for step, n := range last {
		if n[0] != n[1] {
			t.Errorf("%s ends at %d of %d", step, n[0], n[1])
		}
	}
}

// full is a store whose disk is full after some objects.
type full struct {
	store.Bucket
	left int
}

// TestFullDisk: a store without space ends the run with its reason and without run.json.
func TestFullDisk(t *testing.T) {
	w := blobs(tiny, 8)
	for _, left := range []int{0, 3, 12} {
		b, p := mem.New(), w.plan(t, 128)
		w.put(t, b, p)
		c := w.config(t, b, p, 1)
		f := &full{b, left}
		c.Bucket = f
		if _, err := Run(t.Context(), c); !errors.Is(err, store.ErrNoSpace) {
			t.Errorf("after %d objects: %v", left, err)
		}
		if _, err := b.Stat(t.Context(), store.Slide(p.Slide).Run(p.Run).Manifest()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after %d objects: the run looks whole: %v", left, err)
		}
	}
}

func (f *full) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if f.left--; f.left < 0 {
		return store.ErrNoSpace
	}
	return f.Bucket.Put(ctx, key, r, size)
}
