package slide

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// Bits of tag 254, NewSubfileType.
const (
	subfileReduced = 1
	subfileMask    = 4
)

// openGenericTIFF opens any TIFF or BigTIFF. The first directory is the finest level. A further one is
// a level if it says that it is a reduced image, as OpenSlide and libvips have it, or hangs below the
// first one as OME-TIFF has it (tag 330). Directories with a different shape (a mask, a thumbnail with a
// border) and unmarked ones are ignored.
func openGenericTIFF(c *candidate) (Slide, error) {
	full, err := c.tiff.Image(c.first)
	if err != nil {
		return nil, err
	}
	levels := []*tiff.Image{full}
	subs, err := c.tiff.SubDirectories(c.first)
	if err != nil {
		return nil, err
	}
	for _, d := range append(subs, c.tiff.Directories[1:]...) {
		im, err := reducedLevel(c.tiff, d, full)
		if err != nil {
			return nil, fmt.Errorf("reduced image: %w", err)
		}
		if im != nil {
			levels = append(levels, im)
		}
	}
	sortLevels(levels)
	info := Info{Vendor: "generic-tiff", MPP: resolutionScale(c.first)}
	description := c.first.Text(tiff.TagImageDescription)
	if strings.Contains(description, "<OME") {
		info.Vendor = "ome-tiff"
	}
	if mpp, ok := omeScale(description); ok {
		info.MPP = mpp
	}
	return newTIFFStack(c, info, levels, nil)
}

// reducedLevel is the directory's image if it is a level below full, or nil.
func reducedLevel(f *tiff.File, d *tiff.Directory, full *tiff.Image) (*tiff.Image, error) {
	kind := d.Uint(tiff.TagNewSubfileType, 0)
	if kind&subfileReduced == 0 || kind&subfileMask != 0 {
		return nil, nil
	}
	im, err := f.Image(d)
	if err != nil || !sameShape(full.Size, im.Size) || im.Tiled != full.Tiled {
		return nil, err
	}
	return im, nil
}

// sortLevels puts the finest level first. The order of equals is that of the file.
func sortLevels(levels []*tiff.Image) {
	slices.SortStableFunc(levels, func(a, b *tiff.Image) int { return b.Size.W - a.Size.W })
}

// sameShape reports whether reduced is a shrunk copy of full, give or take the rounding of a pyramid.
func sameShape(full, reduced pyramid.Size) bool {
	if reduced.W > full.W || reduced.H > full.H {
		return false
	}
	want := float64(full.H) * float64(reduced.W) / float64(full.W)
	return math.Abs(float64(reduced.H)-want) <= 2+0.02*want
}
