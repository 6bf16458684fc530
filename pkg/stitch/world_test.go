package stitch

import (
	"crypto/sha256"
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// world is a small slide whose every probability is known, cut into regions of a chosen size.
type world struct {
	canvas      pyramid.Size
	probability []uint8 // carcinoma, row by row
	highGrade   []uint8
	tissue      *segment.TissueMap
	mpp         pyramid.MPP
	model       float64
	// unlike says of a cell how far it lies from the training images; nil is not known.
	unlike func(x, y int) uint8
}

// blobs is a world of round lesions with holes, a pen stroke and an unscanned corner.
func blobs(canvas pyramid.Size, seed uint64) *world {
	w := &world{
		canvas: canvas, tissue: segment.NewTissueMap(canvas),
		probability: make([]uint8, canvas.Pixels()), highGrade: make([]uint8, canvas.Pixels()),
		mpp: pyramid.MPP{X: 0.5, Y: 0.5, Source: pyramid.FromFile}, model: 1.3,
	}
	for y := range w.tissue.Cells.H {
		for x := range w.tissue.Cells.W {
			w.tissue.Class[y*w.tissue.Cells.W+x] = w.class(x, y)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 7))
	for range 8 {
		w.disc(rng)
	}
	w.gate()
	return w
}

// class draws glass around tissue, with pen in one corner and unscanned cells in another.
func (w *world) class(x, y int) segment.TissueClass {
	cells := w.tissue.Cells
	switch {
	case x == 0 || y == 0:
		return segment.Glass
	case x > cells.W-4 && y < 4:
		return segment.Pen
	case x > cells.W-3 && y > cells.H-3:
		return segment.Unscanned
	case x*2 < cells.W && y*4 > cells.H*3:
		return segment.Glass
	}
	return segment.Tissue
}

// disc draws a ring of carcinoma around a core of high-grade dysplasia, with noise.
func (w *world) disc(rng *rand.Rand) {
	cx, cy := rng.Float64()*float64(w.canvas.W), rng.Float64()*float64(w.canvas.H)
	radius := 5 + rng.Float64()*float64(min(w.canvas.W, w.canvas.H))/6
	for y := range w.canvas.H {
		for x := range w.canvas.W {
			d := math.Hypot(float64(x)-cx, float64(y)-cy) / radius
			i := y*w.canvas.W + x
			switch noise := rng.IntN(60); {
			case d < 0.3:
				w.highGrade[i] = uint8(150 + noise)
			case d < 1:
				w.probability[i] = max(w.probability[i], uint8(180+noise))
			case d < 1.2:
				w.probability[i] = max(w.probability[i], uint8(80+noise))
			}
		}
	}
}

// gate clears everything outside tissue, as the segment stage does.
func (w *world) gate() {
	for i := range w.probability {
		if w.tissue.At(i%w.canvas.W, i/w.canvas.W) != segment.Tissue {
			w.probability[i], w.highGrade[i] = 0, 0
		}
	}
}

func (w *world) frame(t testing.TB) segment.Frame {
	t.Helper()
	step := w.model / w.mpp.X
	size := pyramid.Size{W: int(float64(w.canvas.W) * step), H: int(float64(w.canvas.H) * step)}
	f, err := segment.NewFrame(size, w.mpp, w.model)
	if err != nil {
		t.Fatal(err)
	}
	if f.Size != w.canvas {
		t.Fatalf("canvas %v, want %v", f.Size, w.canvas)
	}
	return f
}

// plan cuts the world into regions.
func (w *world) plan(t testing.TB, region int) *segment.Plan {
	t.Helper()
	tissue, err := w.tissue.Encode()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a slide"))
	p := &segment.Plan{
		Version: 1, Slide: pyramid.NewSlideID(sum),
		Model:      segment.ModelRef{Name: "tiny", Version: "1", SHA256: "00ff"},
		Parameters: segment.Parameters{Threshold: 0.5, Region: region},
		Frame:      w.frame(t), Field: segment.Field{Halo: 16, Align: 16}, Side: region, Tissue: tissue, Batching: segment.Batching{BatchSize: 4},
	}
	p.Run = p.Parameters.RunID(p.Slide, p.Model)
	grid := p.Grid()
	for row := range grid.Rows() {
		for col := range grid.Cols() {
			if w.tissue.Any(grid.Bounds(col, row), segment.Tissue) {
				p.Regions = append(p.Regions, pyramid.Region{Col: col, Row: row})
			}
		}
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if p, err = segment.DecodePlan(data); err != nil {
		t.Fatal(err)
	}
	return p
}

// region cuts one region's map out of the world.
func (w *world) region(p *segment.Plan, at pyramid.Region) *segment.RegionMap {
	cell := p.Grid().Bounds(at.Col, at.Row)
	m := &segment.RegionMap{Run: p.Run, Region: at, Size: p.RegionSize(at)}
	for y := cell.Min.Y; y < cell.Max.Y; y++ {
		from, to := y*w.canvas.W+cell.Min.X, y*w.canvas.W+cell.Max.X
		m.Planes[segment.PlaneCarcinoma] = append(m.Planes[segment.PlaneCarcinoma], w.probability[from:to]...)
		m.Planes[segment.PlaneHighGrade] = append(m.Planes[segment.PlaneHighGrade], w.highGrade[from:to]...)
	}
	if w.unlike == nil {
		return m
	}
	for y := cell.Min.Y; y < cell.Max.Y; y += segment.TissueCell {
		for x := cell.Min.X; x < cell.Max.X; x += segment.TissueCell {
			level := uint8(0)
			if w.tissue.At(x, y) == segment.Tissue {
				level = w.unlike(x/segment.TissueCell, y/segment.TissueCell)
			}
			m.Unlike = append(m.Unlike, level)
		}
	}
	return m
}

// stitched runs the world through Run.
func (w *world) stitched(t testing.TB, region, workers int) (*mem.Bucket, *segment.Plan, *Report) {
	t.Helper()
	b, p := mem.New(), w.plan(t, region)
	w.put(t, b, p)
	report, err := Run(t.Context(), w.config(t, b, p, workers))
	if err != nil {
		t.Fatal(err)
	}
	return b, p, report
}

func (w *world) config(t testing.TB, b store.Bucket, p *segment.Plan, workers int) Config {
	return Config{
		Bucket: b, Plan: p, Slide: w.manifest(p), Workers: workers, TempDir: t.TempDir(),
		Software: "slidemill test", Seconds: Seconds{Open: 1, Tile: 2, Segment: 3},
	}
}

// at is a pixel of a plane, 0 beyond the canvas.
func (w *world) at(plane []uint8, p image.Point) uint8 {
	if !p.In(w.canvas.Bounds()) {
		return 0
	}
	return plane[p.Y*w.canvas.W+p.X]
}
