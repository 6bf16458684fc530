package slide

import (
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/extent"
)

// The limits of package extent under the names of this one.
const (
	maxLevels = extent.MaxLevels
	maxSide   = extent.MaxSide
)

func plausible(s pyramid.Size) bool { return extent.Plausible(s) }
