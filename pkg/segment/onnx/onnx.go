// Package onnx reads and writes networks as ONNX files. Read parses the container, bounded by what is
// really in the file; Lower turns the graph, for one input size, into the plain data of segment/net,
// with all arithmetic on shapes done away with; Write is the way back.
//
// It sits below segment and above segment/net. It runs nothing, knows no kernels, and reads no
// quantised models, no control flow and no training graphs: those are refused by name.
//
// # Memory
//
// A model holds its file (at most Limits.Bytes) and, once lowered, its weights as float32: each tensor is
// decoded once and shared by all networks lowered from the model. A tensor allocates only after its
// size was compared with the bytes present. Constants computed while lowering are bounded by a budget
// in elements, whatever the graph asks for.
package onnx

import (
	"fmt"
)

// FormatError says that the file is at fault.
type FormatError struct {
	Where string // "model", "graph", "node 3 "conv1" (Conv)", …
	What  string
}

func (e *FormatError) Error() string { return fmt.Sprintf("onnx: %s: %s", e.Where, e.What) }

// UnsupportedError says that the file may be fine but this software cannot run it, and what to do.
type UnsupportedError struct {
	Where string
	What  string
	Hint  string
}

func (e *UnsupportedError) Error() string {
	s := fmt.Sprintf("onnx: %s: %s", e.Where, e.What)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Limits bound what a file may cost.
type Limits struct {
	Bytes    int64 // of the file and its external data together; 2 GiB
	Nodes    int   // 16384
	Elements int64 // of constants computed while lowering; 2^26
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 2 << 30
	}
	if l.Nodes <= 0 {
		l.Nodes = 1 << 14
	}
	if l.Elements <= 0 {
		l.Elements = 1 << 26
	}
	return l
}

// Opsets of the default domain that are understood.
const (
	minOpset = 9
	maxOpset = 23
)
