// Package slide opens whole-slide images: it tells what a file is, hands out its tiles as pixels and
// knows its scale. Formats are an explicit table (formats.go); the TIFF family lives in slide/tiff.
// It cuts nothing, stores nothing and decides nothing about tissue.
package slide

import (
	"context"
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/fault"
)

// Level is one resolution of a slide, level 0 the finest.
type Level struct {
	Size       pyramid.Size `json:"size"`
	TileSize   pyramid.Size `json:"tile_size"` // native tiles or strips; edge tiles are full size in the file
	Downsample float64      `json:"downsample"`
	Codec      string       `json:"codec"` // jpeg, lzw, deflate, none, j2k, png, …
}

// Info is what a file says about itself, cleared of everything that could name a patient.
type Info struct {
	Vendor     string      `json:"vendor"` // aperio, generic-tiff, png, jpeg, …
	Levels     []Level     `json:"levels"`
	MPP        pyramid.MPP `json:"mpp"`
	Objective  float64     `json:"objective,omitempty"` // magnification, such as 20
	Associated []string    `json:"associated"`          // label, macro, thumbnail
	ICC        bool        `json:"icc"`                 // an ICC profile is embedded
	Colour     *Colour     `json:"colour,omitempty"`    // what became of it
	// Orientation is TIFF tag 274 where it is not 1. Sizes and tiles are those of the picture as the tag
	// wants it seen, not of the file.
	Orientation int `json:"orientation,omitempty"`
}

// Size is the size of the finest level.
func (i Info) Size() pyramid.Size { return i.Levels[0].Size }

// Slide is an open slide. It is safe for concurrent use until Close.
type Slide interface {
	Info() Info
	// ReadTile decodes native tile (col, row) of a level into dst, whose bounds become the tile's
	// rectangle in level pixels, clipped to the level. dst's pixels are reused if they are large
	// enough. Pixels that the scanner never scanned are transparent (alpha 0), all others opaque.
	// An undecodable tile is a *TileError. An error of the storage is none, and from then on the slide is of
	// no more use.
	ReadTile(ctx context.Context, level, col, row int, dst *image.RGBA) error
	// Associated decodes the label, macro or thumbnail image. It is bounded in size.
	Associated(ctx context.Context, name string) (image.Image, error)
	Close() error
}

// RawTiler is an optional ability of a Slide: it hands over a tile's JPEG stream, made standalone,
// without decoding. ok is false where the tile is missing or not JPEG. The stream may lie in the memory of
// room, which may be nil.
type RawTiler interface {
	RawTile(ctx context.Context, level, col, row int, room []byte) (jpeg []byte, ok bool, err error)
}

// TileError is a tile whose content is at fault: its bytes are there and cannot be decoded.
type TileError struct {
	Level, Col, Row int
	Err             error
}

func (e *TileError) Error() string {
	return fmt.Sprintf("tile %d/%d_%d: %v", e.Level, e.Col, e.Row, e.Err)
}

func (e *TileError) Unwrap() error { return e.Err }

// FormatError says that the file is at fault, UnsupportedError that the software is.
type (
	FormatError      = fault.FormatError
	UnsupportedError = fault.UnsupportedError
)
