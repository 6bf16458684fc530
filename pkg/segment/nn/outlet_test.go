package nn

import (
	"image"
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// endedNet halves, classifies, enlarges, and makes probabilities: the shape of a segmentation network.
func endedNet() *net.Net {
	b := net.NewBuilder("ended", 3, 3)
	x := b.ConvNormReLU("stem", 0, net.ConvConfig{Out: 20, Kernel: 3, Stride: 2})
	x = b.Conv("logits", x, net.ConvConfig{Out: 4, Kernel: 1, Bias: true})
	x = b.Add("full", &net.Resize{Mode: net.Linear, Coord: net.HalfPixel, ScaleY: 2, ScaleX: 2}, x)
	x = b.Add("temperature", &net.Affine{Scale: &net.Tensor{Shape: []int{4}, Data: []float32{1.5, 1.5, 1.5, 1.5}}}, x)
	return b.Done(b.Add("probability", &net.Softmax{}, x))
}

// TestWidestLiesNowhere: neither the image nor what the last operations make of it is in the arena, and the rows of a part of the
// output are those of the whole.
func TestWidestLiesNowhere(t *testing.T) {
	const w, h = 48, 40
	compareTiled(t, endedNet(), h, w, Options{Threads: 2})
	nw := mustNetwork(t, mustEngine(t, endedNet(), 2), w, h)
	if nw.stem == nil || len(nw.g.steps) != 2 {
		t.Errorf("stem %v, %d operators: want two convolutions and no more", nw.stem, len(nw.g.steps))
	}
	if most := int64(4 * 16 * w * h); nw.ArenaBytes() >= most {
		t.Errorf("%d bytes: an image of %d×%d in the blocked layout has %d", nw.ArenaBytes(), w, h, most)
	}
	in := noise(nw.in.floats())
	want, got := mustRun(t, nw, in), make([]float32, 4*w*h)
	rect := image.Rect(3, 5, 41, 33)
	keep := []segment.KeepRow{nil, nil, nil, nil}
	for c := range keep[1:] {
		keep[c+1] = func(y int, row []float32) { copy(got[((c+1)*h+y)*w+rect.Min.X:], row) }
	}
	err := nw.RunRows(t.Context(), func(y int, red, green, blue []float32) {
		for c, row := range [][]float32{red, green, blue} {
			copy(row, in[(c*h+y)*w:][:w])
		}
	}, rect, keep)
	if err != nil {
		t.Fatal(err)
	}
	for c := range 4 {
		for y := range h {
			from, to := want[(c*h+y)*w:][:w], got[(c*h+y)*w:][:w]
			for x := range w {
				if kept := c > 0 && image.Pt(x, y).In(rect); kept && to[x] != from[x] || !kept && to[x] != 0 {
					t.Fatalf("class %d at %d, %d is %g, want %g where it is asked for", c, x, y, to[x], from[x])
				}
			}
		}
	}
}

// TestNothingButAnEnding: a network that is no more than an enlargement is run all the same.
func TestNothingButAnEnding(t *testing.T) {
	b := net.NewBuilder("enlarge", 3, 1)
	n := b.Done(b.Add("full", &net.Resize{Mode: net.Linear, Coord: net.HalfPixel, ScaleY: 2, ScaleX: 2}, 0))
	e := mustEngine(t, n, 1)
	nw, err := e.Compile(pyramid.Size{W: 4, H: 2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer nw.Close()
	in := slices.Repeat([]float32{1, 2, 3}, 2*4*2)
	out := make([]float32, nw.outFloats())
	if err := nw.Run(t.Context(), in, out); err != nil || out[0] != 1 || len(out) != 4*len(in) {
		t.Errorf("%v, %v", err, out)
	}
}

// TestEndingOfABatch: each image of a batch has its own.
func TestEndingOfABatch(t *testing.T) {
	const w, h = 16, 12
	e := mustEngine(t, endedNet(), 1)
	two, err := e.Compile(pyramid.Size{W: w, H: h}, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	in := noise(two.in.floats())
	got := mustRun(t, two, in)
	one := mustNetwork(t, e, w, h)
	for i := range 2 {
		if want := mustRun(t, one, in[i*3*w*h:][:3*w*h]); !slices.Equal(got[i*4*w*h:][:4*w*h], want) {
			t.Errorf("image %d of a batch has other bits than alone", i)
		}
	}
}
