// Package segment turns pixels into class probabilities. It owns the model file, the plan of regions
// with its halo arithmetic, the region file, and the Segmenter contract. The network runs behind
// Engine: on Gorgonia in segment/nn, or on another runtime.
package segment

import (
	"context"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Network is a network compiled for one input size. It is not safe for concurrent use: one per
// goroutine. Weights are shared between the networks of one Engine.
type Network interface {
	// Run computes the output planes for one image. in holds C×H×W floats in row-major planes, out
	// receives classes×H×W logits or probabilities, as the model file says. A panic inside becomes an error.
	Run(ctx context.Context, in, out []float32) error
	Close() error
}

// RowNetwork is an optional ability of a Network: it takes its input and gives its output row by row, so that neither lies in
// memory beside what the network itself holds.
type RowNetwork interface {
	Network
	// RunRows computes what Run computes for an image of three channels. keep has a function for each class, nil for one
	// that is not asked for, and hears of the pixels of want.
	RunRows(ctx context.Context, load LoadRow, want image.Rectangle, keep []KeepRow) error
}

// LoadRow writes row y of the input, as many numbers as the row has pixels. Several goroutines may call it at once, also
// two for the same row.
type LoadRow = func(y int, red, green, blue []float32)

// KeepRow receives row y of a class, from the left of the wanted rectangle on; the row is lent until it returns. Several
// goroutines may call it at once.
type KeepRow = func(y int, row []float32)

// Engine makes networks of one model. It is safe for concurrent use.
type Engine interface {
	Network(input pyramid.Size) (Network, error)
}

// Segmenter turns a canvas into 8-bit class probabilities. It is not safe for concurrent use.
type Segmenter interface {
	// Segment computes the probabilities of the canvas without its halo: out has one plane per
	// class, each (W−2·halo)×(H−2·halo) bytes, probability × 255 rounded to nearest; a class whose plane is
	// nil is not asked for. Every byte
	// depends only on the pixels within the halo around it, never on the canvas's size or place; if the
	// model has no receptive field, on those and on where the grid of Windows lies.
	Segment(ctx context.Context, canvas *image.RGBA, out [][]uint8) error
	Close() error
}

// Field is the geometry that makes regions exact.
type Field struct {
	Halo  int `json:"halo"`  // pixels of context on every side, a multiple of Align
	Align int `json:"align"` // regions start at multiples of this: the network's total stride
}
