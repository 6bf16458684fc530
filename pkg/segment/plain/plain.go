// Package plain segments plain images: pictures at a known scale that are no slides, such as crops
// for a study. It sits on segment, in memory, without store or queue. What lies beyond a picture's
// edge is taken to be its mirror image, because a crop goes on beyond its edge, where a slide ends
// in glass.
package plain

import (
	"context"
	"fmt"
	"image"
	"math"

	"github.com/disintegration/imaging"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
)

// Window is the side of the largest piece that is segmented at once, in pixels at the model's scale.
//
// # Memory
//
// Beside the picture and its probabilities (4 + classes bytes per pixel), one network for a window and its
// halo. Networks of other sizes are let go.
const Window = 1024

// Segmenter segments pictures with one model. It is not safe for concurrent use.
type Segmenter struct {
	Model  *segment.Model
	TTA    bool // average the eight turns and mirror images
	engine segment.Engine
	size   pyramid.Size
	run    segment.Segmenter
}

// New makes a Segmenter; the engine makes networks of the model.
func New(m *segment.Model, engine segment.Engine) *Segmenter {
	return &Segmenter{Model: m, engine: engine}
}

// Segment computes one plane per class, each as large as img, probability × 255. mpp is the scale of
// img in microns per pixel.
func (s *Segmenter) Segment(ctx context.Context, img *image.RGBA, mpp float64) ([][]uint8, error) {
	scale := pyramid.MPP{X: mpp, Y: mpp, Source: pyramid.FromOperator}
	size := pyramid.Size{W: img.Rect.Dx(), H: img.Rect.Dy()}
	frame, err := segment.NewFrame(size, scale, s.Model.Description.MPP)
	if err != nil {
		return nil, err
	}
	at := pyramid.Size{
		W: max(1, int(math.Round(float64(size.W)/frame.StepX()))),
		H: max(1, int(math.Round(float64(size.H)/frame.StepY()))),
	}
	if at.Pixels() > maxPixels || size.Pixels() > maxPixels {
		return nil, fmt.Errorf("image of %v at %g µm/px: too large for one picture; save it as a tiled TIFF and use `slidemill run`", size, mpp)
	}
	planes, err := s.windows(ctx, resize(img, at))
	if err != nil {
		return nil, err
	}
	for i := range planes {
		planes[i] = enlarge(planes[i], at, size)
	}
	return planes, nil
}

// maxPixels bounds a picture: 2^28 pixels take 1 GiB as RGBA.
const maxPixels = 1 << 28

// Unlike is the share of the picture's tissue that looks like nothing in the model's training; ok is false
// where the model does not know or there is too little tissue to say.
func (s *Segmenter) Unlike(img *image.RGBA, mpp float64) (share float64, ok bool) {
	step := s.Model.Description.MPP / mpp
	at := pyramid.Size{W: max(1, int(math.Round(float64(img.Rect.Dx())/step))), H: max(1, int(math.Round(float64(img.Rect.Dy())/step)))}
	if s.Model.Look == nil || at.Pixels() > maxPixels {
		return 0, false
	}
	return s.Model.Look.Share(mirror(resize(img, at), fingerprint.Cover(at.Bounds())), at.Bounds())
}

// resize brings the picture to the model's scale; imaging's Linear is a tent whose width follows the
// reduction, so shrinking does not alias.
func resize(img *image.RGBA, to pyramid.Size) *image.NRGBA {
	if to.W == img.Rect.Dx() && to.H == img.Rect.Dy() {
		return imaging.Clone(img)
	}
	return imaging.Resize(img, to.W, to.H, imaging.Linear)
}

// enlarge brings a plane of probabilities back to the picture's size.
func enlarge(plane []uint8, from, to pyramid.Size) []uint8 {
	if from == to {
		return plane
	}
	grey := &image.Gray{Pix: plane, Stride: from.W, Rect: from.Bounds()}
	big := imaging.Resize(grey, to.W, to.H, imaging.Linear)
	out := make([]uint8, to.W*to.H)
	for i := range out {
		out[i] = big.Pix[4*i]
	}
	return out
}

// windows segments the picture piece by piece.
func (s *Segmenter) windows(ctx context.Context, img *image.NRGBA) ([][]uint8, error) {
	size := pyramid.Size{W: img.Rect.Dx(), H: img.Rect.Dy()}
	planes := make([][]uint8, len(s.Model.Description.Classes))
	for i := range planes {
		planes[i] = make([]uint8, size.W*size.H)
	}
	field := s.Model.Field
	side := pyramid.Size{W: window(size.W, field.Align), H: window(size.H, field.Align)}
	for y := 0; y < size.H; y += side.H {
		for x := 0; x < size.W; x += side.W {
			if err := s.window(ctx, img, planes, image.Rect(x, y, x+side.W, y+side.H)); err != nil {
				return nil, err
			}
		}
	}
	return planes, nil
}

// window is the side of a piece along one axis: the whole, rounded up to the alignment, or Window.
func window(length, align int) int {
	return min(pyramid.CeilDiv(length, align), pyramid.CeilDiv(Window, align)) * align
}

func (s *Segmenter) window(ctx context.Context, img *image.NRGBA, planes [][]uint8, r image.Rectangle) error {
	out, err := s.average(ctx, mirror(img, r.Inset(-s.Model.Field.Halo)))
	if err != nil {
		return err
	}
	inside := r.Intersect(img.Rect)
	for i, plane := range planes {
		for y := inside.Min.Y; y < inside.Max.Y; y++ {
			copy(plane[y*img.Rect.Dx()+inside.Min.X:][:inside.Dx()], out[i][(y-r.Min.Y)*r.Dx():])
		}
	}
	return nil
}

// average segments a canvas, turned eight ways where that is asked for.
func (s *Segmenter) average(ctx context.Context, canvas *image.RGBA) ([][]uint8, error) {
	if !s.TTA {
		return s.canvas(ctx, canvas)
	}
	return segment.Average(canvas, s.Model.Field.Halo, func(turned *image.RGBA) ([][]uint8, error) {
		return s.canvas(ctx, turned)
	})
}

// canvas segments one canvas.
func (s *Segmenter) canvas(ctx context.Context, canvas *image.RGBA) ([][]uint8, error) {
	size := pyramid.Size{W: canvas.Rect.Dx(), H: canvas.Rect.Dy()}
	if err := s.prepare(size); err != nil {
		return nil, err
	}
	halo := s.Model.Field.Halo
	out := make([][]uint8, len(s.Model.Description.Classes))
	for i := range out {
		out[i] = make([]uint8, (size.W-2*halo)*(size.H-2*halo))
	}
	return out, s.run.Segment(ctx, canvas, out)
}

// prepare has a network of the size ready.
func (s *Segmenter) prepare(size pyramid.Size) error {
	if s.run != nil && s.size == size {
		return nil
	}
	if err := s.Close(); err != nil {
		return err
	}
	run, err := segment.New(s.Model, s.engine, size)
	if err != nil {
		return err
	}
	s.run, s.size = run, size
	return nil
}

// Close lets the network go.
func (s *Segmenter) Close() error {
	if s.run == nil {
		return nil
	}
	err := s.run.Close()
	s.run = nil
	return err
}

// mirror copies the rectangle out of the picture, which goes on beyond its edges as in a mirror.
func mirror(img *image.NRGBA, r image.Rectangle) *image.RGBA {
	out := image.NewRGBA(r)
	columns := make([]int, r.Dx())
	for i := range columns {
		columns[i] = 4 * reflect(r.Min.X+i, img.Rect.Dx())
	}
	for y := range r.Dy() {
		from := img.Pix[reflect(r.Min.Y+y, img.Rect.Dy())*img.Stride:]
		to := out.Pix[y*out.Stride:]
		for i, c := range columns {
			copy(to[4*i:4*i+4], from[c:c+4])
		}
	}
	return out
}

// reflect maps any coordinate into 0..n−1 by mirroring at the edges, the edge pixel being doubled.
func reflect(i, n int) int {
	i %= 2 * n
	if i < 0 {
		i += 2 * n
	}
	if i >= n {
		return 2*n - 1 - i
	}
	return i
}
