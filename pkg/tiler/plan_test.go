package tiler

import (
	"image"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/qc"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
)

func planConfig(t testing.TB, size pyramid.Size, region int) PlanConfig {
	t.Helper()
	frame, err := segment.NewFrame(size, pyramid.MPP{X: 1.3, Y: 1.3, Source: pyramid.FromFile}, 1.3)
	if err != nil {
		t.Fatal(err)
	}
	return PlanConfig{
		Slide: pyramid.NewSlideID(testSum), Frame: frame, Field: segment.Field{Halo: 96, Align: 32},
		Model:      segment.ModelRef{Name: "m", SHA256: "00"},
		Parameters: segment.Parameters{Threshold: 0.5, Region: region},
		Tissue:     segment.NewTissueMap(frame.Size),
	}
}

// TestPlanCoversTheTissue: every cell of tissue lies in exactly one region, no region is without
// tissue, and the plan survives its own format.
func TestPlanCoversTheTissue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		side := rapid.IntRange(1, 3000)
		cfg := planConfig(t, pyramid.Size{W: side.Draw(rt, "w"), H: side.Draw(rt, "h")}, rapid.IntRange(64, 700).Draw(rt, "region"))
		for i := range cfg.Tissue.Class {
			if rapid.IntRange(0, 30).Draw(rt, "cell") == 0 {
				cfg.Tissue.Class[i] = segment.Tissue
			}
		}
		p, err := MakePlan(cfg)
		if err != nil {
			rt.Fatal(err)
		}
		checkCoverage(rt, p, cfg.Tissue)
		data, err := p.Encode()
		if err != nil {
			rt.Fatal(err)
		}
		again, err := segment.DecodePlan(data)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			rt.Error(diff)
		}
	})
}

func checkCoverage(t *rapid.T, p *segment.Plan, m *segment.TissueMap) {
	planned := make(map[pyramid.Region]bool)
	for _, r := range p.Regions {
		planned[r] = true
		if !m.Any(p.Grid().Bounds(r.Col, r.Row), segment.Tissue) {
			t.Fatalf("region %v has no tissue", r)
		}
	}
	for i, class := range m.Class {
		x, y := i%m.Cells.W*segment.TissueCell, i/m.Cells.W*segment.TissueCell
		if class == segment.Tissue && !planned[pyramid.Region{Col: x / p.Side, Row: y / p.Side}] {
			t.Fatalf("tissue at %d,%d is in no region", x, y)
		}
	}
}

func TestPlanRoundsTheRegion(t *testing.T) {
	a, err := MakePlan(planConfig(t, pyramid.Size{W: 3000, H: 3000}, 1000))
	if err != nil {
		t.Fatal(err)
	}
	b, err := MakePlan(planConfig(t, pyramid.Size{W: 3000, H: 3000}, 1024))
	if err != nil {
		t.Fatal(err)
	}
	if a.Parameters.Region != 1024 || a.Run != b.Run {
		t.Errorf("region %d, runs %v and %v", a.Parameters.Region, a.Run, b.Run)
	}
}

func TestPlanRefusesNonsense(t *testing.T) {
	cfg := planConfig(t, pyramid.Size{W: 300, H: 300}, 512)
	cfg.Parameters.Threshold = 2
	if _, err := MakePlan(cfg); err == nil {
		t.Error("threshold of 2")
	}
	cfg = planConfig(t, pyramid.Size{W: 300, H: 300}, 512)
	cfg.Field.Align = 0
	if _, err := MakePlan(cfg); err == nil {
		t.Error("stride of 0")
	}
}

// TestHilbertSteps: the curve visits every cell once, each beside the one before.
func TestHilbertSteps(t *testing.T) {
	const side = 16
	at := make(map[int64]image.Point)
	for y := range side {
		for x := range side {
			at[hilbert(side, pyramid.Region{Col: x, Row: y})] = image.Pt(x, y)
		}
	}
	for d := int64(1); d < side*side; d++ {
		a, okA := at[d-1]
		b, okB := at[d]
		if step := b.Sub(a); !okA || !okB || step.X*step.X+step.Y*step.Y != 1 {
			t.Fatalf("step %d goes from %v to %v", d, a, b)
		}
	}
}

func TestBatching(t *testing.T) {
	for _, c := range []struct {
		regions, side int
		want          segment.Batching
	}{
		{0, 1024, segment.Batching{BatchSize: 1}},
		{5, 256, segment.Batching{BatchSize: 1}},
		{20, 2048, segment.Batching{Lead: 5, LeadSize: 2, BatchSize: 1}},
		{43, 2048, segment.Batching{Lead: 5, LeadSize: 4, BatchSize: 1}},
		{31, 1024, segment.Batching{Lead: 5, LeadSize: 3, BatchSize: 1}},
		{160, 1024, segment.Batching{Lead: 5, LeadSize: 16, BatchSize: 4}},
		{10000, 256, segment.Batching{Lead: 28, LeadSize: 256, BatchSize: 64}},
		{10000, 4096, segment.Batching{Lead: 2489, LeadSize: 4, BatchSize: 1}},
	} {
		if got := batching(c.regions, c.side); got != c.want {
			t.Errorf("%d regions of %d: %+v, want %+v", c.regions, c.side, got, c.want)
		}
	}
}

// TestBatchesEndTogether: up to evenWorkers workers, each of which takes the next batch when it has done one, are done with a
// slide as soon as if every region were a job.
func TestBatchesEndTogether(t *testing.T) {
	for regions := 1; regions < 400; regions++ {
		p := &segment.Plan{Regions: make([]pyramid.Region, regions), Batching: batching(regions, 2048)}
		for workers := 1; workers <= evenWorkers; workers++ {
			busy := make([]int, workers)
			for i := range p.Batches() {
				busy[argmin(busy)] += len(p.Batch(i))
			}
			if got, want := slices.Max(busy), pyramid.CeilDiv(regions, workers); got > want {
				t.Errorf("%d regions, %d workers: done after %d regions' time, want %d", regions, workers, got, want)
			}
		}
	}
}

func argmin(of []int) (at int) {
	for i, v := range of {
		if v < of[at] {
			at = i
		}
	}
	return at
}

func TestChecks(t *testing.T) {
	r := &Result{Pyramid: pyramid.DeepZoom{Size: pyramid.Size{W: 100, H: 100}, Tile: 10}, Unscanned: 600, Unreadable: []image.Rectangle{image.Rect(0, 0, 10, 10)}}
	info := slide.Info{MPP: pyramid.MPP{X: 0.5, Y: 0.5, Source: pyramid.FromFile}}
	got := Check(info, r, TissueSummary{TissueMM2: 3, PenMM2: 1, Blurred: 0.1, Folded: 0.2, OffStain: 0.7})
	check := func(name string, status qc.Status, value float64) QC {
		return QC{Check: name, Status: status, Value: value}
	}
	want := []QC{
		check("scale_um_per_px", Pass, 0.5), check("tissue_mm2", Pass, 3), check("unscanned_share", Pass, 0.05),
		check("unreadable_share", Warn, 0.01), check("pen_share", Warn, 0.25), check("blurred_share", Pass, 0.1),
		check("folded_share", Warn, 0.2), check("bubble_share", Pass, 0), check("off_stain_share", Fail, 0.7),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Check(slide.Info{}, r, TissueSummary{}); got[0].Status != Fail || got[1].Status != Fail {
		t.Errorf("nothing known, nothing found: %+v", got)
	}
}
