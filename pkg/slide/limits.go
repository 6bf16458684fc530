package slide

import "github.com/slidemill/slidemill/pkg/pyramid"

// Limits on what a file or a manifest may claim. They are far beyond any scanner and keep every
// product of two of them inside int64.
const (
	maxLevels = 64
	maxSide   = 1 << 26 // 67 million pixels; at 0.25 µm/px that is 16 metres of glass
)

// plausible reports whether a size is one that later arithmetic may trust.
func plausible(s pyramid.Size) bool {
	return s.W >= 1 && s.H >= 1 && s.W <= maxSide && s.H <= maxSide
}
