package tiler

import (
	"image"

	"github.com/slidemill/slidemill/pkg/qc"
	"github.com/slidemill/slidemill/pkg/segment"
)

// TissueParameters are everything that decides what counts as tissue. They go into the report.
// Optical densities are natural logarithms of glass over pixel; "range" is the largest density of
// the three channels minus the smallest: zero for grey, whatever the brightness.
type TissueParameters struct {
	WhiteMin    int `json:"white_min"`    // darkest channel that glass can have; else WhiteGuess is assumed
	WhiteChroma int `json:"white_chroma"` // largest difference of channels that glass can have
	WhiteGuess  int `json:"white_guess"`

	WeakRange float64 `json:"weak_range"` // from here on a pixel may be tissue
	SeedRange float64 `json:"seed_range"` // a piece of tissue needs one such pixel
	GreyRatio float64 `json:"grey_ratio"` // below this share of the density, the range is that of dust

	BlackFill   int     `json:"black_fill"`  // brightest channel of what was filled in, not scanned
	PenDensity  float64 `json:"pen_density"` // least density of ink
	PenMM2      float64 `json:"pen_mm2"`     // smallest piece of ink; smaller ones are pigment or dirt
	PenMarginUM float64 `json:"pen_margin_um"`

	TissueMM2   float64 `json:"tissue_mm2"`   // smallest piece of tissue
	ThicknessUM float64 `json:"thickness_um"` // a piece of tissue is somewhere at least this wide
	HoleMM2     float64 `json:"hole_mm2"`     // larger gaps are glass
	MarginUM    float64 `json:"margin_um"`    // grown on each side
}

// DefaultTissue is the table of parameters with their reasons. Eosin-only stroma and pale mucin have
// a range of 0.05 to 0.15 at 8 µm, fat's cell borders 0.03 to 0.06; glass stays below 0.01, because
// the mean over 256 pixels takes the noise away and uneven light changes all channels alike.
func DefaultTissue() TissueParameters {
	return TissueParameters{
		WhiteMin:    195, // scanners leave glass at 220 to 250; a dim one at 200
		WhiteChroma: 22,  // of a scanner without white balance; eosin shows more
		WhiteGuess:  242, // where a picture has no glass at all

		WeakRange: 0.030,
		SeedRange: 0.055,
		GreyRatio: 0.10, // dust and coverslip edges: 0.02 to 0.06; dense haematoxylin: from 0.3

		BlackFill:   3,    // readers and converters lose transparency to pure black; no ink is as dark
		PenDensity:  0.35, // ink is opaque; its faint borders are reached from there
		PenMM2:      0.02, // a dot of 160 µm
		PenMarginUM: 24,   // of the border that is too faint to be told from stain

		TissueMM2:   0.004, // 64 µm square: single shed glands are kept, cells are not
		ThicknessUM: 24,    // fibres and coverslip edges are thinner
		HoleMM2:     0.3,   // a dilated gland or a vessel belongs to the tissue; a gap between pieces does not
		MarginUM:    24,    // a region's border cell sees the tissue's edge from outside
	}
}

// TissueSummary says how the tissue was found and how much there is.
type TissueSummary struct {
	Parameters TissueParameters `json:"parameters"`
	White      [3]uint8         `json:"white"` // the colour of empty glass on this slide
	Estimated  bool             `json:"white_estimated"`
	MPP        float64          `json:"mpp"` // scale of the picture that was judged
	Cells      map[string]int   `json:"cells"`
	TissueMM2  float64          `json:"tissue_mm2"`
	PenMM2     float64          `json:"pen_mm2"`
	MissingMM2 float64          `json:"missing_mm2"` // unscanned or unreadable
	Blurred    float64          `json:"blurred"`     // share of tissue tiles out of focus
	Folded     float64          `json:"folded"`      // share of the tissue in folds
	Bubbles    float64          `json:"bubbles"`     // share of tissue and bubbles below bubbles
	OffStain   float64          `json:"off_stain"`   // share of the tissue in hues that H&E does not make
}

// FindTissue classifies the canvas of a frame from what Cut collected. It is deterministic: the same
// slide gives the same map, byte for byte.
//
// # Memory
//
// About ten bytes per pixel of the overview, which has at most maxOverview, and four more for each
// pixel of the largest connected piece: 60 MB.
func FindTissue(r *Result, frame segment.Frame, p TissueParameters) (*segment.TissueMap, TissueSummary) {
	f := newFinder(r.Overview, frame, p)
	f.findPen()
	f.findTissue()
	f.look()
	m := f.cells(frame, r.Unseen)
	return m, f.summarise(m, frame)
}

// finder holds the planes of one search.
type finder struct {
	p         TissueParameters
	overview  *Overview
	mpp       float64 // µm per overview pixel
	white     [3]uint8
	estimated bool
	size      image.Point
	stain     []uint8 // range in units of stainUnit, 0 where the pixel is grey, unscanned or ink
	missing   mask    // not scanned
	pen       mask
	tissue    mask
	quality   qc.Findings
	blurred   float64 // share of tissue tiles out of focus
}

// look has the picture judged.
func (f *finder) look() {
	f.quality = qc.Look(qc.Picture{
		Image: f.overview.Image, White: f.white, MPP: f.mpp, Tissue: f.tissue.on, Missed: f.missing.on,
	})
	f.rims()
}

// rims gives the dark rims of bubbles, which pass for black ink, to their bubbles, with the margin that ink has.
func (f *finder) rims() {
	f.pen.filter(func(piece []int32) bool {
		inside := 0
		for _, i := range piece {
			if f.quality.Bubble[i] {
				inside++
			}
		}
		if 2*inside <= len(piece) {
			return true
		}
		for _, i := range piece {
			f.quality.Bubble[i] = true
		}
		return false
	})
}

func newFinder(o *Overview, frame segment.Frame, p TissueParameters) *finder {
	f := &finder{p: p, overview: o, mpp: frame.MPP.Mean() * float64(o.Downsample()), size: o.Image.Rect.Size()}
	f.white, f.estimated = estimateWhite(o, p)
	return f
}

// pixels converts an area to pixels of the overview, at least one.
func (f *finder) pixels(mm2 float64) int { return max(1, int(mm2*1e6/(f.mpp*f.mpp)+0.5)) }

// radius converts a length to pixels of the overview, at least one.
func (f *finder) radius(um float64) int { return max(1, int(um/f.mpp+0.5)) }

// findTissue makes the mask of tissue from the stain plane.
func (f *finder) findTissue() {
	weak, seed := uint8(f.p.WeakRange/stainUnit+0.5), uint8(f.p.SeedRange/stainUnit+0.5)
	smooth := boxMean(f.stain, f.size)
	f.tissue = newMask(f.size)
	for i, v := range smooth {
		f.tissue.set(i, v >= weak && !f.pen.on[i])
	}
	f.tissue = f.tissue.closed(1)
	core := f.tissue.eroded(f.radius(f.p.ThicknessUM / 2)) // its centre pixel makes up for the smoothing
	f.tissue.filter(func(piece []int32) bool {
		return len(piece) >= f.pixels(f.p.TissueMM2) &&
			some(piece, func(i int32) bool { return smooth[i] >= seed }) &&
			some(piece, func(i int32) bool { return core.on[i] })
	})
	f.tissue.fillHoles(f.pixels(f.p.HoleMM2))
	f.tissue = f.tissue.dilated(f.radius(f.p.MarginUM))
}

// findPen makes the stain plane and the masks of what was never scanned and of ink: from pixels that
// no stain has, over their faint borders.
func (f *finder) findPen() {
	f.stain = make([]uint8, f.size.X*f.size.Y)
	f.missing, f.pen = newMask(f.size), newMask(f.size)
	faint := newMask(f.size)
	d := newDensities(f.white)
	for i := range f.stain {
		px := f.overview.Image.Pix[4*i:][:3:3]
		if f.overview.Scanned[i] < 128 || int(max(px[0], px[1], px[2])) <= f.p.BlackFill {
			f.missing.set(i, true)
			continue
		}
		od := d.at(px)
		f.stain[i] = od.stain(f.p)
		ink := od.ink()
		faint.set(i, ink)
		f.pen.set(i, ink && od.most() >= int(f.p.PenDensity*densityUnit) || od.black())
	}
	f.pen.spread(faint)
	f.pen.filter(func(piece []int32) bool { return len(piece) >= f.pixels(f.p.PenMM2) })
	f.pen = f.pen.dilated(f.radius(f.p.PenMarginUM))
}
