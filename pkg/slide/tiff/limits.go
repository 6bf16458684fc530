package tiff

import "github.com/slidemill/slidemill/pkg/slide/extent"

// Limits on what a file may claim, and the reason for each. A file beyond one is refused by name,
// before anything is allocated for it.
const (
	maxDirectories = 1024     // pyramids have 10, z-stacks and multi-scene files some hundreds
	maxEntries     = 4096     // per directory; TIFF writers use 20 to 60
	maxValueBytes  = 64 << 20 // of all fields together; 16 bytes per tile: 4 million tiles, 274 gigapixels of 256-pixel tiles
	maxTileSide    = 1 << 15
	maxTilePixels  = extent.MaxTile
	maxTileBytes   = 64 << 20 // compressed; noise of 16 megapixels does not need more
	maxTileSamples = 64 << 20 // bytes of samples of all planes, 16 megapixels of RGBA
	maxSamples     = 16
	maxImageSide   = extent.MaxSide
)

// extraUnassociated is the ExtraSamples value of an alpha that the colours are not multiplied with.
const extraUnassociated = 2
