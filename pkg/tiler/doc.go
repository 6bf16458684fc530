// Package tiler is stage 2 of the flow: it cuts an open slide into a Deep Zoom pyramid in the store,
// finds the tissue on it and plans the regions that the segmenter works on; and it reads the pyramid
// back, tile by tile or resampled to the scale of a model (Pyramid.Canvas).
//
// Cutting is one bounded pass over the finest level (cut.go); every other level is an exact mean of
// four pixels of the one below. Tissue detection (tissue*.go) is classical image processing with all
// its parameters in one table. The plan (plan.go) is pure data.
//
// It opens no files, speaks to no queue, and does not decide whether a slide is already done: the
// caller looks for slide.json first and writes it last.
package tiler
