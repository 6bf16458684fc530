package segment

import (
	"encoding/json"
	"errors"
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

func testPlan(t testing.TB) *Plan {
	t.Helper()
	frame, err := NewFrame(pyramid.Size{W: 1000, H: 700}, pyramid.MPP{X: 0.5, Y: 0.5, Source: pyramid.FromFile}, 1.25)
	if err != nil {
		t.Fatal(err)
	}
	tissue := NewTissueMap(frame.Size)
	tissue.Class[3] = Tissue
	picture, err := tissue.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &Plan{
		Version: 1, Slide: pyramid.SlideID{1}, Run: pyramid.RunID{2}, Model: ModelRef{Name: "m", SHA256: "ab"},
		Parameters: Parameters{Threshold: 0.5, Region: 128}, Frame: frame, Field: Field{Halo: 32, Align: 16}, Side: 128,
		Regions: []pyramid.Region{{Col: 0, Row: 0}, {Col: 1, Row: 0}, {Col: 3, Row: 2}}, Tissue: picture, Batching: Batching{BatchSize: 2},
	}
}

func TestPlanRoundTrip(t *testing.T) {
	want := testPlan(t)
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodePlan(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.Batches() != 2 || len(got.Batch(1)) != 1 {
		t.Errorf("%d batches, the last of %d regions; want 2 and 1", got.Batches(), len(got.Batch(1)))
	}
}

// TestBatches: each region is in one job, in the plan's order, whatever the lead; a plan of before there was one reads
// as it always did.
func TestBatches(t *testing.T) {
	for _, c := range []struct {
		batching Batching
		want     []int
	}{
		{Batching{BatchSize: 3}, []int{3, 3, 3, 1}},
		{Batching{Lead: 2, LeadSize: 4, BatchSize: 1}, []int{4, 4, 1, 1}},
		{Batching{Lead: 1, LeadSize: 5, BatchSize: 2}, []int{5, 2, 2, 1}},
		{Batching{Lead: 2, LeadSize: 5, BatchSize: 1}, []int{5, 5}},
	} {
		p := &Plan{Batching: c.batching}
		for i := range 10 {
			p.Regions = append(p.Regions, pyramid.Region{Col: i})
		}
		var sizes []int
		var all []pyramid.Region
		for i := range p.Batches() {
			sizes, all = append(sizes, len(p.Batch(i))), append(all, p.Batch(i)...)
		}
		if !slices.Equal(sizes, c.want) || !slices.Equal(all, p.Regions) {
			t.Errorf("%+v: batches of %v, want %v, and %v", c.batching, sizes, c.want, all)
		}
	}
}

// TestPlanVersion: a plan without a lead is what programs read that know of none, and nothing of a lead stands in it; one with a
// lead says so by its version. A newer program's is told apart from a damaged one.
func TestPlanVersion(t *testing.T) {
	p := testPlan(t)
	p.Version = p.Batching.Version()
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodePlan(data); err != nil || got.Version != 1 || got.Batches() != 2 || strings.Contains(string(data), "lead") {
		t.Errorf("a plan without a lead: %v, %v\n%s", got, err, data)
	}
	p.Lead, p.LeadSize = 1, 2
	if p.Batching.Version() != 2 {
		t.Errorf("a plan with a lead has version %d, want 2", p.Batching.Version())
	}
	if _, err := DecodePlan([]byte(`{"version": 3, "regions": "in another file"}`)); !errors.Is(err, ErrNewer) {
		t.Errorf("a plan of a newer program: %v, want %v", err, ErrNewer)
	}
}

func TestPlanDamage(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(*Plan)
		want string
	}{
		"version of the future":  {func(p *Plan) { p.Version = 9 }, "version 9"},
		"version of nothing":     {func(p *Plan) { p.Version = 0 }, "version 0"},
		"a lead before its time": {func(p *Plan) { p.Version, p.Lead, p.LeadSize = 1, 1, 2 }, "version 1 cannot"},
		"region outside":         {func(p *Plan) { p.Regions[0].Col = 99 }, "outside the grid"},
		"region twice":           {func(p *Plan) { p.Regions[1] = p.Regions[0] }, "listed twice"},
		"canvas too small":       {func(p *Plan) { p.Frame.Size.W-- }, "does not follow"},
		"canvas of a nation":     {func(p *Plan) { p.Frame.Slide.W = 1 << 60 }, "impossible size"},
		"halo off the stride":    {func(p *Plan) { p.Field.Halo = 33 }, "multiples"},
		"no stride":              {func(p *Plan) { p.Field.Align = 0 }, "multiples"},
		"another's windows":      {func(p *Plan) { p.Parameters.Windows = newWindows(64); p.Parameters.Windows.Overlap = 8 }, "by half"},
		"halo of no window":      {func(p *Plan) { p.Parameters.Windows = newWindows(128) }, "do not follow from windows of 128"},
		"engine of a screen":     {func(p *Plan) { p.Parameters.Engine = "x\x1b[2J" }, "plain letters"},
		"engine of a novel":      {func(p *Plan) { p.Parameters.Engine = strings.Repeat("x", 65) }, "at most 64"},
		"batches of nothing":     {func(p *Plan) { p.BatchSize = 0 }, "others of 0"},
		"a lead of nothing":      {func(p *Plan) { p.Version = 2; p.Lead = 1 }, "1 batches of 0"},
		"a lead beyond the end":  {func(p *Plan) { p.Version = 2; p.Lead, p.LeadSize = 1<<62+1, 4 }, "do not make"},
		"a lead before it":       {func(p *Plan) { p.Lead, p.LeadSize = -1, 2 }, "do not make"},
		"leads before it":        {func(p *Plan) { p.LeadSize = -1 }, "batches of -1"},
		"threshold of certainty": {func(p *Plan) { p.Parameters.Threshold = 1 }, "threshold 1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := testPlan(t)
			c.harm(p)
			data, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := DecodePlan(data); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func FuzzDecodePlan(f *testing.F) {
	data, err := testPlan(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodePlan(data)
		if err != nil {
			return
		}
		for i := range p.Batches() {
			for _, r := range p.Batch(i) {
				if p.Canvas(r).Empty() || p.RegionSize(r).Empty() {
					t.Fatalf("region %v is empty", r)
				}
			}
		}
	})
}

// TestCanvases: each canvas holds its cell, is a size that the network takes, and is as large as the
// others, on a grid that covers the slide.
func TestCanvases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		align := rapid.SampledFrom([]int{16, 32, 48}).Draw(t, "align")
		p := &Plan{Field: Field{Align: align, Halo: align * rapid.IntRange(0, 4).Draw(t, "halo")}}
		p.Frame.Size = pyramid.Size{W: rapid.IntRange(1, 900).Draw(t, "w"), H: rapid.IntRange(1, 900).Draw(t, "h")}
		most := align * rapid.IntRange(2, 9).Draw(t, "most")
		p.Side = RegionSide(p.Frame.Size, most, p.Field)
		if p.Side%align != 0 || p.Side < most/2-align || p.Side > most {
			t.Fatalf("side %d of at most %d, stride %d", p.Side, most, align)
		}
		grid, size := p.Grid(), p.Canvas(pyramid.Region{}).Size()
		for row := range grid.Rows() {
			for col := range grid.Cols() {
				canvas := p.Canvas(pyramid.Region{Col: col, Row: row})
				inner := canvas.Inset(p.Field.Halo)
				if inner.Dx()%align != 0 || inner.Dy()%align != 0 || inner.Min.X%align != 0 || inner.Min.Y%align != 0 {
					t.Fatalf("region %d_%d: %v is off the stride %d", col, row, inner, align)
				}
				if cell := grid.Bounds(col, row); !cell.In(inner) || canvas.Size() != size {
					t.Fatalf("region %d_%d: canvas %v of %v does not hold its cell %v", col, row, canvas, size, cell)
				}
			}
		}
	})
}

// TestMatters: a rectangle matters to a region if some pixel of the region's own tissue is within reach of it.
func TestMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Plan{Field: Field{Align: 32, Halo: 32 * rapid.IntRange(0, 9).Draw(t, "halo")}, Side: 256}
		p.Frame.Size = pyramid.Size{W: 1000, H: 700}
		if rapid.Bool().Draw(t, "windows") {
			p.Parameters.Windows = newWindows(256)
		}
		m := NewTissueMap(p.Frame.Size)
		at := rapid.IntRange(0, len(m.Class)-1).Draw(t, "tissue")
		m.Class[at] = Tissue
		cell := image.Rect(0, 0, TissueCell, TissueCell).Add(image.Pt(at%m.Cells.W, at/m.Cells.W).Mul(TissueCell))
		x, y := rapid.IntRange(-300, 1100).Draw(t, "x"), rapid.IntRange(-300, 900).Draw(t, "y")
		shown := image.Rect(x, y, x+rapid.IntRange(1, 200).Draw(t, "w"), y+rapid.IntRange(1, 200).Draw(t, "h"))
		for i := range p.Grid().Cells() {
			r := pyramid.Region{Col: i % p.Grid().Cols(), Row: i / p.Grid().Cols()}
			near := cell.Overlaps(shown.Inset(-max(p.Field.Halo, 128, p.Parameters.Windows.Side)))
			own := cell.Min.X/p.Side == r.Col && cell.Min.Y/p.Side == r.Row
			if got := p.Matters(r, m, shown); got != (near && own) {
				t.Fatalf("%v to region %v with tissue in %v: %v", shown, r, cell, got)
			}
		}
	})
}

func TestRegionSideWastesLittle(t *testing.T) {
	f := Field{Align: 32, Halo: 160}
	for _, c := range []struct {
		slide pyramid.Size
		want  int
	}{
		{pyramid.Size{W: 853, H: 1139}, 2048},  // one region, cut to the slide
		{pyramid.Size{W: 2100, H: 2100}, 1056}, // four halves rather than four of which three are glass
		{pyramid.Size{W: 4096, H: 2048}, 2048},
	} {
		if got := RegionSide(c.slide, 2048, f); got != c.want {
			t.Errorf("%v: side %d, want %d", c.slide, got, c.want)
		}
	}
}

func TestRunIDFollowsEveryChoice(t *testing.T) {
	base := Parameters{Threshold: 0.5, Region: 512}
	model := ModelRef{SHA256: "aa"}
	seen := map[pyramid.RunID]string{base.RunID(pyramid.SlideID{1}, model): "base"}
	for name, id := range map[string]pyramid.RunID{
		"slide":     base.RunID(pyramid.SlideID{2}, model),
		"model":     base.RunID(pyramid.SlideID{1}, ModelRef{SHA256: "bb"}),
		"threshold": Parameters{Threshold: 0.6, Region: 512}.RunID(pyramid.SlideID{1}, model),
		"region":    Parameters{Threshold: 0.5, Region: 1024}.RunID(pyramid.SlideID{1}, model),
		"scale":     Parameters{Threshold: 0.5, Region: 512, MPP: 0.25}.RunID(pyramid.SlideID{1}, model),
		"windows":   Parameters{Threshold: 0.5, Region: 512, Windows: newWindows(256)}.RunID(pyramid.SlideID{1}, model),
		"engine":    Parameters{Threshold: 0.5, Region: 512, Engine: "onnxruntime 1.30.0 cpu"}.RunID(pyramid.SlideID{1}, model),
	} {
		if other, ok := seen[id]; ok {
			t.Errorf("another %s names the same run as %s", name, other)
		}
		seen[id] = name
	}
}
