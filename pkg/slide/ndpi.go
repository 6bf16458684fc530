package slide

import (
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// Hamamatsu's private tags (OpenSlide's notes on the format).
const (
	ndpiSourceLens   = 65421 // magnification; -1 macro, -2 map of the scanned area
	ndpiFocalPlane   = 65424
	ndpiStartsLow    = 65426 // where each restart interval begins, from the strip's begin
	ndpiStartsHigh   = 65432
	ndpiMacro        = -1
	tagStripOffsets  = 273
	tagStripCounts   = 279
	tagCompression   = 259
	compressionJPEG  = 7
	maxNDPIIntervals = 1 << 22 // of all levels: a slide of 200 000 by 160 000 pixels in intervals of 2048 by 8 has 2.6 million
)

// openNDPI opens a Hamamatsu slide. Each level is one JPEG; see restartPlane. Of several focal planes the
// one that the scanner calls 0 is read.
func openNDPI(c *candidate) (Slide, error) {
	var levels []plane
	info := Info{Vendor: "hamamatsu-ndpi"}
	associated := make(map[string]plane)
	for i, d := range c.tiff.Directories {
		lens, _ := d.Rational(ndpiSourceLens)
		if z, _ := d.Int(ndpiFocalPlane); z != 0 {
			continue
		}
		switch {
		case lens > 0:
			p, err := ndpiLevel(c, d)
			if err != nil {
				return nil, fmt.Errorf("directory %d: %w", i, err)
			}
			if len(levels) == 0 {
				info.MPP = resolutionScale(d)
				info.Objective = believableObjective(lens)
			}
			levels = append(levels, p)
		case lens == ndpiMacro:
			if im, ok := readAssociated(c.tiff, d); ok {
				associated["macro"] = im
			}
		}
	}
	if len(levels) == 0 {
		return nil, &FormatError{Format: "hamamatsu-ndpi", Problem: "no level in focal plane 0"}
	}
	if n := intervals(levels); n > maxNDPIIntervals {
		return nil, &UnsupportedError{Format: "hamamatsu-ndpi", Feature: fmt.Sprintf("levels of %d restart intervals", n)}
	}
	sortPlanes(levels)
	return newStack(c, info, levels, associated)
}

// intervals counts the restart intervals of all levels: many levels may share one strip, and each has an index.
func intervals(levels []plane) (n int64) {
	for _, l := range levels {
		if p, ok := l.(*restartPlane); ok {
			n += int64(p.cols) * int64(p.rows)
		}
	}
	return n
}

// believableObjective is v, or 0 where no microscope has it.
func believableObjective(v float64) float64 {
	if v < 1 || v > maxObjective || math.IsNaN(v) {
		return 0
	}
	return v
}

// ndpiLevel is the plane of a directory: in parts where its JPEG has restart markers, else whole.
func ndpiLevel(c *candidate, d *tiff.Directory) (plane, error) {
	size := pyramid.Size{W: int(min(d.Uint(256, 0), maxSide+1)), H: int(min(d.Uint(257, 0), maxSide+1))}
	if !plausible(size) {
		return nil, &FormatError{Format: "hamamatsu-ndpi", Problem: fmt.Sprintf("a level of %s pixels", size)}
	}
	if v := d.Uint(tagCompression, 0); v != compressionJPEG {
		return nil, &UnsupportedError{Format: "hamamatsu-ndpi", Feature: fmt.Sprintf("compression %d; export the slide from NDP.view as TIFF with JPEG compression", v)}
	}
	at, n := d.Uint(tagStripOffsets, 0), d.Uint(tagStripCounts, 0)
	if at == 0 || n == 0 || at > uint64(c.size) || n > uint64(c.size)-at {
		return nil, &FormatError{Format: "hamamatsu-ndpi", Problem: fmt.Sprintf(
			"a level of %d bytes at offset %d lies beyond the end of the file: it is cut short, copy it again from the scanner", n, at)}
	}
	starts := func() []int64 { return ndpiStarts(d) }
	p, err := newRestartPlane(c, restartConfig{size: size, at: int64(at), bytes: int64(n), starts: starts})
	if err != nil {
		return nil, err
	}
	if p != nil {
		return p, nil
	}
	im, err := c.tiff.Image(d)
	if err != nil {
		return nil, err
	}
	return tiffPlane{im}, im.CheckExtent()
}

// ndpiStarts are the offsets of the restart intervals, or nil where the file does not say.
func ndpiStarts(d *tiff.Directory) []int64 {
	low, high := d.Uints(ndpiStartsLow, maxNDPIIntervals), d.Uints(ndpiStartsHigh, maxNDPIIntervals)
	out := make([]int64, len(low), len(low)+1) // room for the end of the last
	for i, v := range low {
		out[i] = int64(v)
		if i < len(high) && high[i] < 1<<30 {
			out[i] |= int64(high[i]) << 32
		}
	}
	return out
}

// isNDPI recognises the directories that tiff.Parse reads in NDPI's way.
func isNDPI(c *candidate) bool { return c.tiff != nil && c.first.Has(65420) }
