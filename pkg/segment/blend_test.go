package segment_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/segmenttest"
)

const window = 64

// moody is an engine whose every output depends on the mean of the whole input and on the pixel.
type moody struct{ closed int }

func (e *moody) Network(size pyramid.Size) (segment.Network, error) {
	return &moodyNetwork{e, size}, nil
}

type moodyNetwork struct {
	engine *moody
	size   pyramid.Size
}

func (n *moodyNetwork) Run(_ context.Context, in, out []float32) error {
	pixels := n.size.W * n.size.H
	mean := 0.0
	for _, v := range in {
		mean += float64(v)
	}
	mean /= float64(len(in))
	for i := range pixels {
		p := float32(1 / (1 + math.Exp(-2*(float64(in[i])-mean))))
		for c := range len(out) / pixels {
			out[c*pixels+i] = p / float32(c+1)
		}
	}
	return nil
}

func (n *moodyNetwork) Close() error {
	n.engine.closed++
	return nil
}

func pooled(t testing.TB) *segment.Model {
	t.Helper()
	return segmenttest.Pooled(t, segmenttest.PooledConfig{Window: window, Global: true})
}

// picture is noise with a gradient, so that windows differ; it is placed anywhere on the plane.
func picture(r image.Rectangle) *image.RGBA {
	img := image.NewRGBA(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			noise := rand.New(rand.NewPCG(uint64(int64(x)), uint64(int64(y))))
			for c := range 3 {
				img.Pix[img.PixOffset(x, y)+c] = uint8(noise.IntN(100) + ((x+y)&127)*(c+1)/3)
			}
			img.Pix[img.PixOffset(x, y)+3] = 255
		}
	}
	return img
}

// region segments a cell of the plane with its halo.
func region(t *testing.T, m *segment.Model, e segment.Engine, cell image.Rectangle) [][]uint8 {
	t.Helper()
	canvas := picture(cell.Inset(-m.Field.Halo))
	s, err := segment.New(m, e, pyramid.Size{W: canvas.Rect.Dx(), H: canvas.Rect.Dy()})
	if err != nil {
		t.Fatal(err)
	}
	planes := make([][]uint8, len(m.Description.Classes))
	for i := range planes {
		planes[i] = make([]uint8, cell.Dx()*cell.Dy())
	}
	if err := errors.Join(s.Segment(t.Context(), canvas, planes), s.Close()); err != nil {
		t.Fatal(err)
	}
	return planes
}

// plainly is what a pixel of the plane ought to be: each of the four windows that hold it on its own.
func plainly(t *testing.T, m *segment.Model, x, y int) uint8 {
	t.Helper()
	step := window / 2
	floor := func(v int) int { return int(math.Floor(float64(v)/float64(step))) * step }
	var sum int64
	for _, y0 := range []int{floor(y), floor(y) - step} {
		for _, x0 := range []int{floor(x), floor(x) - step} {
			in := make([]float32, 3*window*window)
			img := picture(image.Rect(x0, y0, x0+window, y0+window))
			for i := range window * window {
				for c := range 3 {
					d := m.Description
					in[c*window*window+i] = (float32(img.Pix[4*i+c])/255 - d.Mean[c]) / d.Std[c]
				}
			}
			out := make([]float32, len(m.Description.Classes)*window*window)
			n := &moodyNetwork{size: pyramid.Size{W: window, H: window}}
			if err := n.Run(t.Context(), in, out); err != nil {
				t.Fatal(err)
			}
			tall, wide := int64(min(2*(y-y0)+1, 2*(y0+window-y)-1)), int64(min(2*(x-x0)+1, 2*(x0+window-x)-1))
			sum += tall * wide * int64(math.Floor(float64(out[(y-y0)*window+x-x0])*4095+0.5))
		}
	}
	return uint8(math.Floor(float64(sum)/(window*window*4095)*255 + 0.5))
}

// TestBlendIsTheMeanOfItsWindows holds the blender against one pixel after the other.
func TestBlendIsTheMeanOfItsWindows(t *testing.T) {
	m := pooled(t)
	cell := image.Rect(-window, window/2, window/2, 2*window)
	got := region(t, m, &moody{}, cell)[0]
	for i := range 150 {
		x, y := cell.Min.X+i*37%cell.Dx(), cell.Min.Y+i*53%cell.Dy()
		if have, want := got[(y-cell.Min.Y)*cell.Dx()+x-cell.Min.X], plainly(t, m, x, y); have != want {
			t.Fatalf("pixel %d,%d is %d, its four windows make %d", x, y, have, want)
		}
	}
}

// TestBlendedRegionsFit: cells of any size, anywhere on the grid, agree on every pixel that they share.
func TestBlendedRegionsFit(t *testing.T) {
	m := pooled(t)
	whole := image.Rect(-64, -32, 160, 128)
	want := region(t, m, &moody{}, whole)
	for _, cell := range []image.Rectangle{
		image.Rect(0, 0, 32, 32), image.Rect(-64, -32, 0, 128), image.Rect(64, 32, 160, 96), image.Rect(-32, 96, 128, 128),
	} {
		got := region(t, m, &moody{}, cell)
		for c := range got {
			for y := range cell.Dy() {
				from := (cell.Min.Y-whole.Min.Y+y)*whole.Dx() + cell.Min.X - whole.Min.X
				if string(got[c][y*cell.Dx():(y+1)*cell.Dx()]) != string(want[c][from:from+cell.Dx()]) {
					t.Fatalf("cell %v, class %d, row %d: other bytes than in one piece", cell, c, y)
				}
			}
		}
	}
}

// TestBlendKeepsConstants: where all windows agree, blending changes nothing, from 0 to 1.
func TestBlendKeepsConstants(t *testing.T) {
	m := pooled(t)
	for value := range 256 {
		got := region(t, m, constant(float32(value)/255), image.Rect(0, 0, 64, 64))
		for c, plane := range got {
			for i, v := range plane {
				if int(v) != value {
					t.Fatalf("class %d, pixel %d: %d, the network said %d everywhere", c, i, v, value)
				}
			}
		}
	}
}

// constant is an engine that says one number everywhere.
type constant float32

func (c constant) Network(pyramid.Size) (segment.Network, error) { return c, nil }
func (c constant) Close() error                                  { return nil }
func (c constant) Run(ctx context.Context, _, out []float32) error {
	for i := range out {
		out[i] = float32(c)
	}
	return ctx.Err()
}

func TestBlendRefuses(t *testing.T) {
	m := pooled(t)
	size := pyramid.Size{W: 128, H: 128}
	planes := make([][]uint8, len(m.Description.Classes))
	for i := range planes {
		planes[i] = make([]uint8, 64*64)
	}
	run := func(ctx context.Context, e segment.Engine) error {
		s, err := segment.New(m, e, size)
		if err != nil {
			return err
		}
		return errors.Join(s.Segment(ctx, picture(size.Bounds()), planes), s.Close())
	}
	if err := run(t.Context(), constant(math.NaN())); err == nil || !strings.Contains(err.Error(), "window at 0,0: the network's output is not a number") {
		t.Errorf("not a number: %v", err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(stopped, constant(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, bad := range []pyramid.Size{{W: 64, H: 128}, {W: 130, H: 128}, {W: 32, H: 32}} {
		if _, err := segment.New(m, constant(0), bad); err == nil {
			t.Errorf("canvas %v: no error", bad)
		}
	}
	e := &moody{}
	if err := run(t.Context(), e); err != nil || e.closed != 1 {
		t.Errorf("error %v, %d networks closed, want 1", err, e.closed)
	}
}

// TestReach: what a person is told of a model's geometry, and what names its runs.
func TestReach(t *testing.T) {
	for name, c := range map[string]struct {
		model *segment.Model
		want  string
	}{
		"squeeze and excite": {pooled(t), `no receptive field: global pooling at node 4 "excite.pool"; windows of 64 px overlap by 32 and are blended`},
		"default window":     {segmenttest.Pooled(t, segmenttest.PooledConfig{Global: true}), "windows of 512 px overlap by 256 and are blended"},
		"bounded":            {segmenttest.Pooled(t, segmenttest.PooledConfig{}), "halo 16 px, stride 16"},
	} {
		if got := c.model.Reach(); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		p := c.model.Settle(segment.Parameters{Region: 100})
		if p.Windows != c.model.Windows || p.Region%c.model.Field.Align != 0 || c.model.Settle(p) != p {
			t.Errorf("%s: settled to %+v", name, p)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wide, narrow := pooled(t), segmenttest.Pooled(t, segmenttest.PooledConfig{Global: true, Window: 128})
	p := segment.Parameters{Region: 128}
	ref := segment.ModelRef{SHA256: "same"}
	if wide.Settle(p).RunID(pyramid.SlideID{1}, ref) == narrow.Settle(p).RunID(pyramid.SlideID{1}, ref) {
		t.Error("windows of 64 and of 128 make runs of one name")
	}
}

// TestFixedResizeIsBlendedToo: pooling is not the only way to lose the receptive field.
func TestFixedResizeIsBlendedToo(t *testing.T) {
	b := net.NewBuilder("fixed", 3, 1)
	x := b.Conv("down", 0, net.ConvConfig{Out: 8, Kernel: 3, Stride: 4, Bias: true})
	x = b.Add("up", &net.Resize{Mode: net.Linear, Size: net.Pair{Y: 96, X: 96}}, x)
	m, err := segmenttest.Read(b.Done(b.Conv("head", x, net.ConvConfig{Out: 4, Kernel: 1, Bias: true})), 96)
	if err != nil {
		t.Fatal(err)
	}
	if want := `no receptive field: Resize at node 2 "up": it resizes to a fixed size; windows of 96 px`; !strings.Contains(m.Reach(), want) {
		t.Errorf("%q, want %q", m.Reach(), want)
	}
}

func TestWindowsValidate(t *testing.T) {
	for _, c := range []struct {
		windows segment.Windows
		want    string
	}{
		{segment.Windows{}, ""},
		{segment.Windows{Side: 512, Overlap: 256}, ""},
		{segment.Windows{Side: 1024, Overlap: 512}, ""},
		{segment.Windows{Side: 2048, Overlap: 1024}, "64 to 1024"},
		{segment.Windows{Side: 32, Overlap: 16}, "64 to 1024"},
		{segment.Windows{Side: 80, Overlap: 40}, "multiple of 32"},
		{segment.Windows{Side: 512, Overlap: 128}, "by half"},
		{segment.Windows{Overlap: 128}, "window 0"},
	} {
		err := c.windows.Validate()
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && !strings.Contains(got, c.want) {
			t.Errorf("%+v: %v, want %q", c.windows, err, c.want)
		}
	}
}
