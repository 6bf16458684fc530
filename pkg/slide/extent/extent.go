// Package extent says how large a slide's levels and tiles may claim to be, for package slide and for every
// decoder below it. It holds nothing else: limits that are a container's own stand beside its reader.
package extent

import "github.com/slidemill/slidemill/pkg/pyramid"

// The limits are far beyond any scanner, and the product of any two of them stays inside an int64.
const (
	MaxLevels = 64
	// MaxSide is of a level, in pixels: 67 million; at 0.25 µm that is 16 metres of glass.
	MaxSide = 1 << 26
	// MaxTile is of a tile, a strip or a frame, in pixels: 4096 by 4096; decoded to RGBA 64 MiB.
	MaxTile = 1 << 24
)

// Plausible reports whether a level's size is one that later arithmetic may trust.
func Plausible(s pyramid.Size) bool {
	return s.W >= 1 && s.H >= 1 && s.W <= MaxSide && s.H <= MaxSide
}
