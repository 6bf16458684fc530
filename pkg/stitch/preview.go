package stitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"

	"github.com/disintegration/imaging"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// previewSide is the longer side of the preview in pixels: sharp on a printed page, and small enough
// to sit inside the report.
const previewSide = 1200

// picture is the slide in small with the overlay drawn on it.
type picture struct {
	plain  *image.NRGBA // without the overlay
	marked *image.NRGBA
	inside []bool // pixels that show some of the mask
}

// nearest is the pixel of the mask inside the box that is nearest to its middle, or the middle.
func (p picture) nearest(box image.Rectangle) image.Point {
	box = box.Intersect(p.plain.Bounds())
	middle := box.Min.Add(box.Max).Div(2)
	best, distance := middle, math.MaxInt
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			d := image.Pt(x, y).Sub(middle)
			if square := d.X*d.X + d.Y*d.Y; square < distance && p.inside[y*p.plain.Rect.Dx()+x] {
				best, distance = image.Pt(x, y), square
			}
		}
	}
	return best
}

// fallbackSide is the longer side of a picture drawn from the tissue map, which has no detail to lose.
const fallbackSide = 256

// slidePicture puts the slide's small picture together from the pyramid: the smallest level that is
// not smaller than the preview, at most 2·previewSide square. A slide whose pyramid is not there, or not
// readable where the run may end without what is not, is drawn from its tissue map, so that a report
// always shows where things are.
func slidePicture(ctx context.Context, c *Config) (image.Image, error) {
	d := c.Slide.Pyramid
	level := 0
	for level < d.Max() && max(d.LevelSize(level).W, d.LevelSize(level).H) < previewSide {
		level++
	}
	img := image.NewRGBA(d.LevelSize(level).Bounds())
	grid := d.Grid(level)
	for row := range grid.Rows() {
		for col := range grid.Cols() {
			key := store.Slide(c.Slide.ID).PyramidTile(pyramid.Tile{Level: level, Col: col, Row: row})
			tile, err := decodeTile(ctx, c.Bucket, key)
			if errors.Is(err, store.ErrNotFound) || c.Plan.Parameters.Partial && errors.Is(err, errUndecodable) {
				return tissuePicture(c.Plan, c.Tissue), nil
			}
			if err != nil {
				return nil, fmt.Errorf("slide tile %d/%d_%d: %w", level, col, row, err)
			}
			draw.Draw(img, grid.Bounds(col, row), tile, tile.Bounds().Min, draw.Src)
		}
	}
	// Without alpha the bytes are the same either way, and what shrinks the picture need not convert these.
	return &image.NRGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}, nil
}

// maxTileSide bounds a tile's picture before it is decoded.
const maxTileSide = 4096

func decodeTile(ctx context.Context, b store.Bucket, key string) (image.Image, error) {
	data, err := store.ReadAll(ctx, b, key, maxTileBytes)
	if err != nil {
		return nil, err
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err == nil && (config.Width > maxTileSide || config.Height > maxTileSide) {
		err = fmt.Errorf("%dx%d pixels are too many", config.Width, config.Height)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUndecodable, err)
	}
	return img, nil
}

// errUndecodable is a tile that is there but shows nothing.
var errUndecodable = errors.New("not a whole picture")

func tissuePicture(plan *segment.Plan, tissue *segment.TissueMap) image.Image {
	size := fit(plan.Frame.Slide, fallbackSide)
	img := image.NewNRGBA(size.Bounds())
	for y := range size.H {
		for x := range size.W {
			c := color.NRGBA{252, 252, 252, 255}
			at := tissue.At(x*plan.Frame.Size.W/size.W, y*plan.Frame.Size.H/size.H)
			if at == segment.Tissue {
				c = color.NRGBA{236, 214, 226, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// fit is the largest size of the same shape with neither side above the limit, never larger than s.
func fit(s pyramid.Size, side int) pyramid.Size {
	longer := max(s.W, s.H)
	if longer <= side {
		return s
	}
	return pyramid.Size{W: max(1, s.W*side/longer), H: max(1, s.H*side/longer)}
}

// newPicture shrinks the slide's picture and draws the overview on it: the colours of the overlay, and
// a line around the mask.
func newPicture(whole image.Image, plan *segment.Plan, o *overview, p *palette) picture {
	size := fit(pyramid.Size{W: whole.Bounds().Dx(), H: whole.Bounds().Dy()}, previewSide)
	plain := imaging.Resize(whole, size.W, size.H, imaging.Box)
	marked := imaging.Clone(plain)
	inside := make([]bool, size.W*size.H)
	perX := float64(plan.Frame.Slide.W) / plan.Frame.StepX() / float64(size.W)
	perY := float64(plan.Frame.Slide.H) / plan.Frame.StepY() / float64(size.H)
	for y := range size.H {
		for x := range size.W {
			probability, other := o.largest(float64(x)*perX, float64(y)*perY, float64(x+1)*perX, float64(y+1)*perY)
			inside[y*size.W+x] = probability >= p.cut
			c := p.at(x, y, probability, other)
			over(marked, x, y, color.NRGBA{c[0], c[1], c[2], c[3]})
		}
	}
	outlineMask(marked, inside, size)
	return picture{plain, marked, inside}
}

// over blends a colour onto an opaque pixel.
func over(img *image.NRGBA, x, y int, c color.NRGBA) {
	if c.A == 0 {
		return
	}
	pix := img.Pix[img.PixOffset(x, y):]
	for i, v := range [3]uint8{c.R, c.G, c.B} {
		pix[i] = uint8((int(v)*int(c.A) + int(pix[i])*(255-int(c.A)) + 127) / 255)
	}
}

// outlineMask draws the pixels of the mask that have a neighbour outside it.
func outlineMask(img *image.NRGBA, inside []bool, size pyramid.Size) {
	at := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < size.W && y < size.H && inside[y*size.W+x]
	}
	for y := range size.H {
		for x := range size.W {
			if at(x, y) && !(at(x-1, y) && at(x+1, y) && at(x, y-1) && at(x, y+1)) {
				img.SetNRGBA(x, y, color.NRGBA{150, 0, 20, 255})
			}
		}
	}
}

// encodePreview writes the picture as a PNG without alpha, which an opaque picture needs none of.
func encodePreview(e *pngEncoder, img *image.NRGBA) ([]byte, error) {
	size := pyramid.Size{W: img.Rect.Dx(), H: img.Rect.Dy()}
	pixels := make([]uint8, 0, 3*size.Pixels())
	for i := 0; i < len(img.Pix); i += 4 {
		pixels = append(pixels, img.Pix[i:i+3]...)
	}
	data, err := e.encode(size, pngRGB, pixels)
	if err != nil {
		return nil, fmt.Errorf("encode preview: %w", err)
	}
	return data, nil
}

// encodeJPEG is for the copies inside the report, where a photograph as PNG would weigh megabytes. Where nothing is
// transparent, and neither JPEG tiles nor the tissue map are, colours multiplied by alpha or not are the same bytes, and
// those multiplied are what the encoder is fast at.
func encodeJPEG(img *image.NRGBA) ([]byte, error) {
	var buf bytes.Buffer
	opaque := &image.RGBA{Pix: img.Pix, Stride: img.Stride, Rect: img.Rect}
	if err := jpeg.Encode(&buf, opaque, &jpeg.Options{Quality: 88}); err != nil {
		return nil, fmt.Errorf("encode preview: %w", err)
	}
	return buf.Bytes(), nil
}
