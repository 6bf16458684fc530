//go:build !((linux || darwin) && (amd64 || arm64) && !static)

package openslide

import "image"

// Library is never found in this build.
type Library struct{ Path, Version string }

// Find finds nothing.
func Find() (*Library, error) { return nil, ErrNone }

// Slide is never opened in this build.
type Slide struct {
	Vendor     string
	Levels     []Level
	Associated map[string]image.Point
}

// Level is one resolution.
type Level struct {
	Size       image.Point
	Downsample float64
}

// Open opens nothing.
func (*Library) Open(string) (*Slide, error) { return nil, ErrNone }

// Property has no values.
func (*Slide) Property(string) string { return "" }

// Read reads nothing.
func (*Slide) Read(*image.RGBA, int, image.Point) error { return ErrNone }

// ReadAssociated reads nothing.
func (*Slide) ReadAssociated(*image.RGBA, string) error { return ErrNone }

// Close closes nothing.
func (*Slide) Close() error { return nil }
