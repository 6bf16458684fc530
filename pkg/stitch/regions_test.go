package stitch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// TestSweep: the rows are the world's, however high a band and a region are.
func TestSweep(t *testing.T) {
	w := blobs(tiny, 81)
	for _, region := range []int{64, 256, 8192} {
		b, p := mem.New(), w.plan(t, region)
		w.put(t, b, p)
		for _, rows := range []int{0, 1, 7, 64, 100, 5000} { // of a band; 0 is less than a row
			r := newRegions(&Config{Bucket: b, Plan: p, Workers: 2})
			r.bandLimit = rows * tiny.W
			var got []uint8
			err := r.sweep(t.Context(), func(rows []uint8) error {
				got = append(got, rows...)
				return nil
			})
			if err != nil || !bytes.Equal(got, w.probability) {
				t.Errorf("regions of %d in bands of %d rows: %d pixels differ from %d, %v", region, rows, len(got), len(w.probability), err)
			}
		}
	}
}

// TestSweepStops: a sweep ends with its context, on glass too.
func TestSweepStops(t *testing.T) {
	w := blobs(tiny, 82)
	p := w.plan(t, 64)
	p.Regions = nil
	r := newRegions(&Config{Bucket: mem.New(), Plan: p, Workers: 1})
	r.bandLimit = tiny.W
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := r.sweep(ctx, func([]uint8) error {
		n++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%d bands, %v", n, err)
	}
}

// counting is a store that counts its reads and fails the first ones.
type counting struct {
	store.Bucket
	mu    sync.Mutex
	reads map[string]int
	fail  int
}

var errFlaky = errors.New("flaky")

func (c *counting) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reads[key]++; c.fail > 0 {
		c.fail--
		return nil, errFlaky
	}
	return c.Bucket.Get(ctx, key, off, n)
}

// TestCache: a region is read once while it is kept, again after it was dropped or failed.
func TestCache(t *testing.T) {
	w := blobs(tiny, 83)
	b, p := mem.New(), w.plan(t, 64)
	w.put(t, b, p)
	count := &counting{Bucket: b, reads: map[string]int{}, fail: 1}
	r := newRegions(&Config{Bucket: count, Plan: p, Workers: 1, keep: 1}) // no file is: what the cache drops is read
	const each = 2 * 64 * 64
	c := newCache(r, 3*each)
	get := func(i int) error {
		return c.look(t.Context(), p.Regions[i], func(m *segment.RegionMap) {
			if want := w.region(p, p.Regions[i]); m.Region != want.Region || !slices.Equal(m.Planes[0], want.Planes[0]) {
				t.Errorf("got region %v for %v, or its pixels differ", m.Region, want.Region)
			}
		})
	}
	if err := get(0); !errors.Is(err, errFlaky) {
		t.Errorf("got %v", err)
	}
	for _, i := range []int{0, 1, 2, 0, 1, 2, 3, 2, 3, 1, 0} { // 3 drops 0, the last 0 is read again
		if err := get(i); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{3, 1, 1, 1} {
		if got := count.reads[r.keys.Region(p.Regions[i])]; got != want {
			t.Errorf("region %d was read %d times, want %d", i, got, want)
		}
	}
	if c.held > 3*each {
		t.Errorf("%d bytes held", c.held)
	}
}

// TestCacheLeavesAlone: who looks at a region sees it unchanged until done, also if it was dropped meanwhile and others
// take the memory of what is dropped.
func TestCacheLeavesAlone(t *testing.T) {
	w := blobs(tiny, 88)
	b, p := mem.New(), w.plan(t, 64)
	w.put(t, b, p)
	c := newCache(newRegions(&Config{Bucket: b, Plan: p, Workers: 1}), 1)
	err := c.look(t.Context(), p.Regions[0], func(m *segment.RegionMap) {
		for range 2 {
			for _, at := range p.Regions[1:] {
				if err := c.look(t.Context(), at, func(*segment.RegionMap) {}); err != nil {
					t.Error(err)
				}
			}
		}
		if want := w.region(p, p.Regions[0]); !slices.Equal(m.Planes[0], want.Planes[0]) || !slices.Equal(m.Planes[1], want.Planes[1]) {
			t.Error("the region changed while it was looked at")
		}
	})
	if err != nil || c.spare == nil {
		t.Errorf("%v, memory is kept: %v", err, c.spare != nil)
	}
}

// TestCacheTogether: many who want one region wait for one read.
func TestCacheTogether(t *testing.T) {
	w := blobs(tiny, 84)
	b, p := mem.New(), w.plan(t, 64)
	w.put(t, b, p)
	count := &counting{Bucket: b, reads: map[string]int{}}
	r := newRegions(&Config{Bucket: count, Plan: p, Workers: 1})
	c := newCache(r, 1<<20)
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if err := c.look(t.Context(), p.Regions[5], func(*segment.RegionMap) {}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := count.reads[r.keys.Region(p.Regions[5])]; n != 1 {
		t.Errorf("read %d times", n)
	}
}

// TestFlakyStore: an error of the store is passed on as it is, never taken for missing coverage.
func TestFlakyStore(t *testing.T) {
	w := blobs(tiny, 85)
	b, p := b0(t, w)
	c := w.config(t, &counting{Bucket: b, reads: map[string]int{}, fail: 1}, p, 2)
	_, err := Run(t.Context(), c)
	var coverage *CoverageError
	if !errors.Is(err, errFlaky) || errors.As(err, &coverage) {
		t.Errorf("got %v", err)
	}
}

// TestNothingLeft: no temporary file stays behind, whatever happens.
func TestNothingLeft(t *testing.T) {
	w := blobs(tiny, 86)
	b, p := b0(t, w)
	for name, left := range map[string]int{"done": 1 << 20, "no room for the mask": 0, "no room for the contours": 20} {
		c := w.config(t, &full{b, left}, p, 1)
		_, err := Run(t.Context(), c)
		if (err == nil) != (name == "done") {
			t.Errorf("%s: %v", name, err)
		}
		files, err := os.ReadDir(c.TempDir)
		if err != nil || len(files) > 0 {
			t.Errorf("%s: %v %v", name, files, err)
		}
	}
	c := w.config(t, b, p, 1)
	c.TempDir += "/nowhere"
	if _, err := Run(t.Context(), c); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder for temporary files: %v", err)
	}
}

// TestRefusedConfig: what cannot belong together is refused before anything is read.
func TestRefusedConfig(t *testing.T) {
	w := blobs(tiny, 87)
	b, p := b0(t, w)
	for name, spoil := range map[string]func(*Config){
		"no bucket":             func(c *Config) { c.Bucket = nil },
		"no plan":               func(c *Config) { c.Plan = nil },
		"another slide":         func(c *Config) { c.Slide.ID = pyramid.SlideID{9} },
		"another size":          func(c *Config) { c.Slide.Pyramid.Size.W++ },
		"another tissue map":    func(c *Config) { c.Tissue = blobs(pyramid.Size{W: 64, H: 64}, 1).tissue },
		"unreadable tissue map": func(c *Config) { plan := *p; plan.Tissue = []byte("no"); c.Plan = &plan },
	} {
		c := w.config(t, b, p, 1)
		spoil(&c)
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n := len(objects(t, b, p)); n != 0 {
		t.Errorf("%d objects were published", n)
	}
}

// TestProvedOnce: what was proved is not believed of other bytes that come under its key later, where the file was not
// kept.
func TestProvedOnce(t *testing.T) {
	w := blobs(tiny, 85)
	b, p := b0(t, w)
	r := newRegions(&Config{Bucket: b, Plan: p, Workers: 1, keep: 1})
	at := p.Regions[2]
	look := func(part part) (v uint8, err error) {
		err = r.look(t.Context(), at, part, func(m *segment.RegionMap) { v = m.Planes[0][7] })
		return v, err
	}
	key, want := r.keys.Region(at), w.region(p, at).Planes[0][7]
	good := read(t, b, key)
	defer func() {
		r.rest()
		if m := <-r.spare; len(r.spare) != 0 || m.Planes[0] != nil {
			t.Errorf("%d pixels are kept", len(m.Planes[0]))
		}
	}()
	for _, data := range [][]byte{good, good, onePixel(t, w, p, good), good[:len(good)-9], good} {
		putBytes(t, b, key, data)
		for _, part := range []part{carcinomaOnly, everything} {
			v, err := look(part)
			var gap *CoverageError
			if bytes.Equal(data, good) {
				if err != nil || v != want {
					t.Errorf("whole: %d, %v, want %d", v, err, want)
				}
			} else if !errors.As(err, &gap) || len(gap.Damaged) != 1 {
				t.Errorf("damaged after it was proved: %v", err)
			}
		}
	}
}

// TestKept: files are read once as long as they fit, and are what was proved; what does not fit is read each time.
func TestKept(t *testing.T) {
	w := blobs(tiny, 89)
	b, p := b0(t, w)
	size := func(i int) int { return len(read(t, b, store.Slide(p.Slide).Run(p.Run).Region(p.Regions[i]))) }
	count := &counting{Bucket: b, reads: map[string]int{}}
	r := newRegions(&Config{Bucket: count, Plan: p, Workers: 1, keep: size(0) + size(1)})
	for _, part := range []part{carcinomaOnly, everything, carcinomaOnly, everything} {
		for i := range 3 {
			err := r.look(t.Context(), p.Regions[i], part, func(m *segment.RegionMap) {
				want := w.region(p, p.Regions[i])
				if !slices.Equal(m.Planes[0], want.Planes[0]) || part == everything && !slices.Equal(m.Planes[1], want.Planes[1]) {
					t.Errorf("region %d differs", i)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, want := range []int{2, 2, 4} { // a carcinoma plane alone does not prove what is kept
		if got := count.reads[r.keys.Region(p.Regions[i])]; got != want {
			t.Errorf("region %d was read %d times, want %d", i, got, want)
		}
	}
	if r.kept.left != 0 || len(r.kept.files) != 2 {
		t.Errorf("%d files are kept, %d bytes are left", len(r.kept.files), r.kept.left)
	}
}

// TestLookEndsWithItsContext: who waits for a map that another look holds does not wait beyond a cancellation.
func TestLookEndsWithItsContext(t *testing.T) {
	w := blobs(tiny, 7)
	b, p := b0(t, w)
	c := w.config(t, b, p, 1)
	r := newRegions(&c)
	<-r.spare
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.look(ctx, p.Regions[0], everything, func(*segment.RegionMap) {}) }()
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it waits for ever")
	}
}
