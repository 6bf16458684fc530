package stitch

import (
	"math/rand/v2"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// section is a canvas as slides have them: a piece of tissue in glass, probabilities that change slowly all over it,
// lesions in it, and doubt in a part of it.
func section(side int) *world {
	w := blobs(pyramid.Size{W: side, H: side}, 91)
	w.unlike = func(x, _ int) uint8 { return uint8(60 + 80*(x/32%2)) }
	cells := w.tissue.Cells
	for i := range w.tissue.Class {
		x, y := i%cells.W-cells.W/2, i/cells.W-cells.H/2
		if 10*(x*x+y*y) > cells.W*cells.H { // a third is tissue
			w.tissue.Class[i] = segment.Glass
		}
	}
	r := rand.New(rand.NewPCG(9, 1))
	v := 0
	for i := range w.probability {
		v = min(max(v+(r.IntN(7)-3)*r.IntN(2), 0), 120)
		w.probability[i] = max(w.probability[i], uint8(v))
		w.highGrade[i] = max(w.highGrade[i], uint8(v/2))
	}
	w.gate()
	return w
}

// BenchmarkRun stitches a whole canvas, by the pixel, into archives of which nothing is kept. With -cpu 1 its time is
// about that of the processor.
func BenchmarkRun(b *testing.B) {
	const side = 4096
	w := section(side)
	inner, p := mem.New(), w.plan(b, 1024)
	w.put(b, inner, p)
	c := w.config(b, forgetful{inner}, p, 1)
	c.Pack = archives(c.Bucket)
	b.SetBytes(side * side)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Run(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}
