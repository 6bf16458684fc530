package slidetest

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// Colour is the pattern of the fixtures: every pixel of every level differs from its neighbours, so
// that a tile out of place or a swapped channel shows.
func Colour(level, x, y int) color.RGBA {
	return color.RGBA{uint8(7*x + 64*level), uint8(5 * y), uint8(3*x + 11*y), 255}
}

// Smooth is a pattern that survives JPEG.
func Smooth(level, x, y int) color.RGBA {
	return color.RGBA{uint8(60 + x/4 + 20*level), uint8(200 - y/4), uint8(90 + (x+y)/8), 255}
}

// Raster paints a pattern into a rectangle of a level.
func Raster(r image.Rectangle, level int, pattern func(level, x, y int) color.RGBA) *image.RGBA {
	im := image.NewRGBA(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			im.SetRGBA(x, y, pattern(level, x, y))
		}
	}
	return im
}

// Pyramid describes a slide that Write makes with tiff.Writer.
type Pyramid struct {
	Size   pyramid.Size
	Tile   int
	Levels int // each half of the one before
	JPEG   bool
	MPP    float64
	Skip   func(level, col, row int) bool // tiles that are left out; nil for none
	// Pattern paints the pixels of a JPEG slide; nil is Smooth.
	Pattern func(level, x, y int) color.RGBA
}

// Write writes the slide into the test's own folder and gives its path. Without JPEG its pixels are
// Colour's, with it they are close to Pattern's.
func (p Pyramid) Write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fixture.tiff")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cfg := tiff.Config{}
	if p.MPP > 0 {
		cfg.MPP = pyramid.MPP{X: p.MPP, Y: p.MPP, Source: pyramid.FromFile}
	}
	w, err := tiff.NewWriter(f, cfg)
	if err != nil {
		t.Fatal(err)
	}
	size := p.Size
	for level := range p.Levels {
		if err := p.writeLevel(w, level, size); err != nil {
			t.Fatal(err)
		}
		size = size.Half()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p Pyramid) writeLevel(w *tiff.Writer, level int, size pyramid.Size) error {
	cfg := tiff.LevelConfig{Size: size, Tile: p.Tile, Samples: 3, Photometric: tiff.RGB, Compression: tiff.Deflate, Sparse: p.Skip != nil}
	if p.JPEG {
		cfg.Photometric, cfg.Compression, cfg.Subsampling = tiff.YCbCr, tiff.JPEG, [2]int{2, 2}
	}
	number, err := w.AddLevel(cfg)
	if err != nil {
		return err
	}
	grid := pyramid.Grid{Size: size, Tile: p.Tile}
	for row := range grid.Rows() {
		for col := range grid.Cols() {
			if p.Skip != nil && p.Skip(level, col, row) {
				continue
			}
			data, err := p.encode(level, col, row)
			if err != nil {
				return err
			}
			if err := w.WriteTile(number, col, row, data); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p Pyramid) encode(level, col, row int) ([]byte, error) {
	r := image.Rect(0, 0, p.Tile, p.Tile).Add(image.Pt(col*p.Tile, row*p.Tile))
	if p.JPEG {
		var out bytes.Buffer
		pattern := p.Pattern
		if pattern == nil {
			pattern = Smooth
		}
		err := jpeg.Encode(&out, Raster(r, level, pattern), &jpeg.Options{Quality: 90})
		return out.Bytes(), err
	}
	return tiff.DeflateTile(nil, RGB(Raster(r, level, Colour)))
}

// RGB are an image's colours without alpha, row by row.
func RGB(im *image.RGBA) []byte {
	out := make([]byte, 0, 3*len(im.Pix)/4)
	for p := im.Pix; len(p) > 0; p = p[4:] {
		out = append(out, p[0], p[1], p[2])
	}
	return out
}

// LiteralLZW is TIFF's LZW without any compression: nine-bit literals, and a clear code before the
// code width would grow.
func LiteralLZW(raw []byte) []byte {
	const clearCode, endCode, beforeGrowth = 256, 257, 250
	var out []byte
	var acc uint32
	bits := 0
	put := func(code uint32) {
		acc = acc<<9 | code
		for bits += 9; bits >= 8; bits -= 8 {
			out = append(out, byte(acc>>(bits-8)))
		}
	}
	for i, v := range raw {
		if i%beforeGrowth == 0 {
			put(clearCode)
		}
		put(uint32(v))
	}
	put(endCode)
	return append(out, byte(acc<<(8-bits)))
}
