package workers_test

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/segmenttest"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/workers"
)

// unevenSlide is tissue whose colour drifts across 640×540 µm, so that every window has another mean.
func unevenSlide(t *testing.T) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 540))
	r := rand.New(rand.NewPCG(3, 4))
	for y := range 540 {
		for x := range 640 {
			c := color.RGBA{243, 243, 244, 255}
			if in(x, y, 250, 260, 230) || in(x, y, 560, 440, 70) {
				n := uint8(r.IntN(40))
				c = color.RGBA{120 + n + uint8(x/16), 60 + n + uint8(y/8), 130 + n, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return writePNG(t, img)
}

// TestEnginesDoNotMix: a worker with another engine leaves a run alone, for the workers that have its own.
func TestEnginesDoNotMix(t *testing.T) {
	m := segmenttest.Pooled(t, segmenttest.PooledConfig{Global: true, Window: 128})
	s := newSite(t, m, memstore.New(), 1)
	o, r, err := s.run(unevenSlide(t), segment.Parameters{MPP: 1, Region: 512, Threshold: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	if r.Run.Engine != segment.OwnEngine {
		t.Errorf("the report states engine %q", r.Run.Engine)
	}
	other := &workers.Segment{Bucket: s.bucket, Queue: s.queue, Events: s.queue, Model: m, Engines: map[string]segment.Engine{"other 1.0 cpu": nn.DirectForModel(m, 1)}}
	err = other.Do(t.Context(), jobs.NewSegment(o.Slide, o.Run, 0))
	var permanent *workers.Permanent
	if err == nil || !strings.Contains(err.Error(), "the engine gorgonia, this worker has other 1.0 cpu") || errors.As(err, &permanent) {
		t.Errorf("error %v, want one that another worker can mend", err)
	}
}

// TestWindowsLeaveNoTrace is invariant 3 for a model without a receptive field: the same bytes whatever
// the region size, the number of workers and the order in which they finish.
func TestWindowsLeaveNoTrace(t *testing.T) {
	m := segmenttest.Pooled(t, segmenttest.PooledConfig{Global: true, Window: 128})
	if m.Unbounded == "" {
		t.Fatal("the model has a receptive field: it would prove nothing")
	}
	path := unevenSlide(t)
	params := func(region int) segment.Parameters {
		return segment.Parameters{MPP: 1, Region: region, Threshold: 0.3}
	}
	_, whole, err := newSite(t, m, memstore.New(), 1).run(path, params(2048))
	if err != nil {
		t.Fatal(err)
	}
	if whole.CarcinomaFraction < 0.02 || whole.CarcinomaFraction > 0.98 {
		t.Fatalf("a mask of %g of the tissue would prove little", whole.CarcinomaFraction)
	}
	if got := whole.Run.Parameters.Windows; got != m.Windows {
		t.Errorf("the report states windows %+v, the model has %+v", got, m.Windows)
	}
	turned := params(1024)
	turned.TTA = true
	_, once, err := newSite(t, m, memstore.New(), 1).run(path, turned)
	if err != nil {
		t.Fatal(err)
	}
	turned.Region = 256
	if _, r, err := newSite(t, m, memstore.New(), 2).run(path, turned); err != nil || r.SHA256 != once.SHA256 || r.SHA256 == whole.SHA256 {
		t.Errorf("eight ways in regions of 256: %v, other sums than in one piece, or those of one way", err)
	}
	for _, region := range []int{256, 512, 1024} {
		for _, parallel := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("region %d workers %d", region, parallel), func(t *testing.T) {
				_, r, err := newSite(t, m, memstore.New(), parallel).run(path, params(region))
				if err != nil {
					t.Fatal(err)
				}
				if r.SHA256 != whole.SHA256 {
					t.Errorf("sums %+v, in one piece %+v", r.SHA256, whole.SHA256)
				}
			})
		}
	}
}
