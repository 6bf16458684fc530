package stitch

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// forgetful is a store that keeps regions only, so that what Run holds can be told from what it wrote.
type forgetful struct{ store.Bucket }

func (f forgetful) Put(_ context.Context, _ string, r io.Reader, _ int64) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// TestMemory: a large canvas with little tissue takes little memory, with regions of any size, packed or not.
func TestMemory(t *testing.T) {
	const budget = 96 << 20 // the canvas alone would be 24 MiB, once for each thing made of it; see the package's paragraphs
	for _, at := range []struct {
		region int
		pack   bool
	}{{256, false}, {256, true}, {8192, false}} {
		region := at.region
		canvas := pyramid.Size{W: 6144, H: 4096}
		w := &world{canvas: canvas, tissue: segment.NewTissueMap(canvas), mpp: pyramid.MPP{X: 0.5, Y: 0.5, Source: pyramid.FromFile}, model: 1.3}
		for y := range 40 {
			for x := range 30 {
				w.tissue.Class[(y+200)*w.tissue.Cells.W+x+300] = segment.Tissue
			}
		}
		b, p := mem.New(), w.plan(t, region)
		for _, at := range p.Regions {
			putBlob(t, b, p, at)
		}
		runtime.GC() // what the case before has left
		base := heap()
		var peak atomic.Uint64
		c := w.config(t, forgetful{b}, p, 2)
		if at.pack {
			c.Pack = archives(c.Bucket)
		}
		c.Progress = func(_ Step, done, total int64) {
			if done == total || done%64 == 0 {
				peak.Store(max(peak.Load(), heap()))
			}
		}
		if _, err := Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		// Whoever plans regions of 8192 pixels affords them: two planes of 64 MiB for each worker.
		limit := budget + 2*2*uint64(region)*uint64(region)
		if got := peak.Load() - min(base, peak.Load()); got > limit {
			t.Errorf("%+v: %d MiB, want at most %d", at, got>>20, limit>>20)
		} else {
			t.Logf("%+v: %d MiB", at, got>>20)
		}
	}
}

// putBlob stores a region of carcinoma in its middle third.
func putBlob(t *testing.T, b store.Bucket, p *segment.Plan, at pyramid.Region) {
	t.Helper()
	m := &segment.RegionMap{Run: p.Run, Region: at, Size: p.RegionSize(at)}
	n := m.Size.W * m.Size.H
	for i := range m.Planes {
		m.Planes[i] = make([]uint8, n)
	}
	for y := m.Size.H / 3; y < m.Size.H*2/3; y++ {
		for x := m.Size.W / 3; x < m.Size.W*2/3; x++ {
			m.Planes[segment.PlaneCarcinoma][y*m.Size.W+x] = uint8(200 + (x^y)&31)
		}
	}
	data, err := segment.EncodeRegion(m)
	if err != nil {
		t.Fatal(err)
	}
	putBytes(t, b, store.Slide(p.Slide).Run(p.Run).Region(at), data)
}

// heap is what is in use now; without a collection it counts garbage too, as the machine's memory does.
func heap() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapInuse
}
