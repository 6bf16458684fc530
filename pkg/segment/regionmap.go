package segment

import (
	"image"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
)

// The planes of a region.
const (
	PlaneCarcinoma = iota // probability of carcinoma × 255; 0 where there is no tissue
	PlaneHighGrade        // probability of high-grade dysplasia × 255
	RegionPlanes
)

// RegionMap is the result of one region: what is left of its cell inside the canvas.
type RegionMap struct {
	Run    pyramid.RunID
	Region pyramid.Region
	Size   pyramid.Size
	Planes [RegionPlanes][]uint8 // Size.W × Size.H each
	// Unlike says of each cell of the tissue map how far it lies from the training images, in hundredths
	// of the fingerprint's limit: above fingerprint.Unlike it looks like nothing in training, 0 is not
	// known. Cells without tissue are 0.
	Unlike []uint8
}

// Cells is the size of Unlike for a map of the given size.
func Cells(size pyramid.Size) pyramid.Size {
	return pyramid.Size{W: pyramid.CeilDiv(size.W, TissueCell), H: pyramid.CeilDiv(size.H, TissueCell)}
}

// RegionPlanesOf makes room for what a Segmenter says of a canvas whose size without halo is given: a plane for
// each class that a region file holds, nil for the others. The memory of earlier planes, if there are any, is used again.
func RegionPlanesOf(d *Description, inner pyramid.Size, earlier [][]uint8) [][]uint8 {
	planes := make([][]uint8, len(d.Classes))
	copy(planes, earlier)
	for class := range planes {
		if class == d.Carcinoma || class == d.HighGrade {
			planes[class] = roomFor(planes[class], inner.W*inner.H)
		} else {
			planes[class] = nil
		}
	}
	return planes
}

// roomFor is memory of n bytes, of any content: the old if it suffices.
func roomFor(old []uint8, n int) []uint8 { return slices.Grow(old[:0], n)[:n] }

// Fill keeps of a network's output what the region file holds: the cell's part inside the
// canvas, gated by the tissue map. planes are those of RegionPlanesOf, as large as the plan's canvas for the
// region without its halo. The map's memory is used again; nothing is known of Unlike afterwards, see Judge.
func (m *RegionMap) Fill(plan *Plan, r pyramid.Region, tissue *TissueMap, model *Model, planes [][]uint8) {
	m.Run, m.Region, m.Size = plan.Run, r, plan.RegionSize(r)
	m.resize()
	clear(m.Unlike)
	stride := plan.Canvas(r).Dx() - 2*plan.Field.Halo
	m.gate(plan, tissue, PlaneCarcinoma, planes[model.Description.Carcinoma], stride)
	if i := model.Description.HighGrade; i >= 0 {
		m.gate(plan, tissue, PlaneHighGrade, planes[i], stride)
	} else {
		clear(m.Planes[PlaneHighGrade])
	}
}

// Judge fills in Unlike from a canvas that holds the region's Sight. It depends on the pixels around each
// cell and on nothing else, as the grid of blocks belongs to the slide.
func (m *RegionMap) Judge(plan *Plan, tissue *TissueMap, look *fingerprint.Fingerprint, canvas *image.RGBA) {
	if look == nil {
		return
	}
	at := plan.Grid().Bounds(m.Region.Col, m.Region.Row)
	verdicts := look.Judge(canvas, at, func(block image.Rectangle) bool { return tissue.Any(block.Intersect(at), Tissue) })
	cells := Cells(m.Size)
	m.Unlike = roomFor(m.Unlike, cells.W*cells.H)
	clear(m.Unlike)
	for y := range cells.H {
		for x := range cells.W {
			px, py := at.Min.X+x*TissueCell, at.Min.Y+y*TissueCell
			if tissue.At(px, py) == Tissue {
				m.Unlike[y*cells.W+x] = verdicts.At(px, py)
			}
		}
	}
}

// gate copies the pixels of a plane that lie on tissue and makes the others 0.
func (m *RegionMap) gate(plan *Plan, tissue *TissueMap, plane int, from []uint8, stride int) {
	side, to := plan.Side, m.Planes[plane]
	clear(to)
	for y := range m.Size.H {
		for x := 0; x < m.Size.W; x += TissueCell {
			if tissue.At(m.Region.Col*side+x, m.Region.Row*side+y) == Tissue {
				end := min(x+TissueCell, m.Size.W)
				copy(to[y*m.Size.W+x:y*m.Size.W+end], from[y*stride+x:y*stride+end])
			}
		}
	}
}

// resize makes room for everything that a map of its size holds.
func (m *RegionMap) resize() {
	for i := range m.Planes {
		m.Planes[i] = roomFor(m.Planes[i], m.Size.W*m.Size.H)
	}
	cells := Cells(m.Size)
	m.Unlike = roomFor(m.Unlike, cells.W*cells.H)
}
