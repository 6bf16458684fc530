package tiler

import (
	"fmt"
	"image"

	"github.com/disintegration/imaging"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// The level on which tissue is found. At 8 µm a pixel, a gland's wall is a pixel wide and a biopsy a
// hundred: fine enough for borders, coarse enough to hold a slide.
const (
	overviewMPP = 8.0
	// maxOverview bounds the level in pixels. A slide beyond 16 × 16 mm is judged at 16 µm instead,
	// which is still finer than a cell of the tissue map.
	maxOverview = 4 << 20
	// maxOverviewUnscaled bounds it where nobody knows the scale.
	maxOverviewUnscaled = 1 << 20
	maxThumbnail        = 1024 // longest side in pixels
)

// Overview is a small level of the pyramid, collected while cutting: the picture on which tissue,
// pen and focus are judged. It is complete when Cut returns and is not changed afterwards.
type Overview struct {
	Pyramid pyramid.DeepZoom
	Level   int
	Image   *image.RGBA // opaque
	Scanned []uint8     // per pixel, the share that was scanned × 255
	focus   *focusMap
}

func newOverview(d pyramid.DeepZoom, mpp pyramid.MPP) *Overview {
	level := overviewLevel(d, mpp)
	size := d.LevelSize(level)
	return &Overview{
		Pyramid: d, Level: level,
		Image:   image.NewRGBA(size.Bounds()),
		Scanned: make([]uint8, size.Pixels()),
		focus:   newFocusMap(d, mpp),
	}
}

// overviewLevel is the level nearest to overviewMPP, or the next one that fits the bound.
func overviewLevel(d pyramid.DeepZoom, mpp pyramid.MPP) int {
	limit := int64(maxOverview)
	level := d.Max()
	if mpp.Known() {
		level = nearestLevel(d, mpp, overviewMPP)
	} else {
		limit = maxOverviewUnscaled
	}
	for level > 0 && d.LevelSize(level).Pixels() > limit {
		level--
	}
	return level
}

// nearestLevel is the level whose scale is nearest to the target on a logarithmic axis.
func nearestLevel(d pyramid.DeepZoom, mpp pyramid.MPP, target float64) int {
	level := d.Max()
	for scale := mpp.Mean(); level > 0 && 2*scale*scale < target*target; scale *= 2 {
		level--
	}
	return level
}

// Downsample is the side of an overview pixel in level-0 pixels.
func (o *Overview) Downsample() int { return 1 << (o.Pyramid.Max() - o.Level) }

// add takes a tile of the overview's level; others are ignored. Tiles do not overlap, so that adding
// them concurrently needs no lock.
func (o *Overview) add(t pyramid.Tile, img *image.RGBA) {
	o.focus.add(t, img)
	if t.Level != o.Level {
		return
	}
	at := o.Pyramid.Grid(t.Level).Bounds(t.Col, t.Row).Min
	for y := range img.Rect.Dy() {
		src := row(img, y)
		dst := o.Image.Pix[o.Image.PixOffset(at.X, at.Y+y):][:len(src)]
		scanned := o.Scanned[(at.Y+y)*o.Image.Rect.Dx()+at.X:][:len(src)/4]
		copy(dst, src)
		for x := range scanned {
			scanned[x], dst[4*x+3] = src[4*x+3], 255
		}
	}
}

// thumbnail is a JPEG of the slide with at most maxThumbnail pixels on its longer side.
func (o *Overview) thumbnail() ([]byte, error) {
	small := imaging.Fit(o.Image, maxThumbnail, maxThumbnail, imaging.Box)
	flat := &image.RGBA{Pix: small.Pix, Stride: small.Stride, Rect: small.Rect} // opaque: NRGBA is RGBA
	buf := new(buffer)
	if err := buf.encode(flat, DefaultQuality); err != nil {
		return nil, fmt.Errorf("encode thumbnail: %w", err)
	}
	return buf.data, nil
}
