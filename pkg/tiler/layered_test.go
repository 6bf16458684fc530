package tiler

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// layered is a slide with levels of its own. Each level is another picture, and a tile's stream another than the
// tile read, so that whoever takes a tile from elsewhere than the plain cut does makes other bytes.
type layered struct {
	tile   int
	mpp    float64
	levels []layer
}

type layer struct {
	size                     pyramid.Size
	shift                    int                  // of the size to that of the finest level
	jpeg                     bool                 // hands out streams
	damaged, torn, unscanned map[image.Point]bool // cannot be read at all; only its stream is broken; not in the file
}

func (l *layered) Info() slide.Info {
	info := slide.Info{Vendor: "layered", MPP: pyramid.MPP{X: l.mpp, Y: l.mpp, Source: pyramid.FromFile}}
	for _, y := range l.levels {
		level := slide.Level{Size: y.size, TileSize: pyramid.Size{W: l.tile, H: l.tile}, Downsample: float64(int(1) << y.shift), Codec: "lzw"}
		if y.jpeg {
			level.Codec = "jpeg"
		}
		info.Levels = append(info.Levels, level)
	}
	return info
}

func (l *layered) ReadTile(ctx context.Context, level, col, row int, dst *image.RGBA) error {
	y, at := l.levels[level], image.Pt(col, row)
	reshape(dst, nativeGrid{y.size, pyramid.Size{W: l.tile, H: l.tile}}.bounds(at))
	switch {
	case y.damaged[at]:
		return &slide.TileError{Level: level, Col: col, Row: row, Err: errors.New("bad bytes")}
	case y.unscanned[at]:
		clear(dst.Pix)
	default:
		paintLayer(dst, level)
	}
	return ctx.Err()
}

func (l *layered) RawTile(_ context.Context, level, col, row int, _ []byte) ([]byte, bool, error) {
	y, at := l.levels[level], image.Pt(col, row)
	if !y.jpeg || y.unscanned[at] {
		return nil, false, nil
	}
	img := image.NewRGBA(image.Rect(col*l.tile, row*l.tile, (col+1)*l.tile, (row+1)*l.tile))
	paintLayer(img, level)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 50}); err != nil {
		return nil, false, err
	}
	if y.damaged[at] || y.torn[at] {
		return buf.Bytes()[:buf.Len()-buf.Len()/20-8], true, nil
	}
	return buf.Bytes(), true, nil
}

func (l *layered) Associated(context.Context, string) (image.Image, error) {
	return nil, errors.New("none")
}
func (l *layered) Close() error { return nil }

// paintLayer makes noise with a cast of its own on every level, and some of it half transparent.
func paintLayer(dst *image.RGBA, level int) {
	for y := dst.Rect.Min.Y; y < dst.Rect.Max.Y; y++ {
		for x := dst.Rect.Min.X; x < dst.Rect.Max.X; x++ {
			c := noise(x+1000*level, y)
			if level > 0 {
				c.R /= uint8(level)
			}
			if x%37 == 5 && y%11 < 4 {
				c = color.RGBA{}
			}
			dst.SetRGBA(x, y, c)
		}
	}
}

// drawLayered is a slide of any size and tile side, whose levels are rounded either way, with tiles of every kind.
func drawLayered(t *rapid.T) *layered {
	side := rapid.IntRange(1, 200)
	l := &layered{
		tile: rapid.SampledFrom([]int{8, 15, 16, 22}).Draw(t, "tile"),
		mpp:  rapid.SampledFrom([]float64{0.25, 1, 4, 8, 8}).Draw(t, "mpp"),
	}
	size := pyramid.Size{W: side.Draw(t, "w"), H: side.Draw(t, "h")}
	for shift := range 5 {
		y := layer{size: pyramid.Size{W: shrunk(t, size.W, shift), H: shrunk(t, size.H, shift)}, shift: shift, jpeg: rapid.IntRange(0, 3).Draw(t, "jpeg") > 0}
		if y.size.Empty() || shift > 0 && rapid.IntRange(0, 2).Draw(t, "left out") == 0 {
			continue
		}
		y.damaged, y.torn, y.unscanned = l.drawTiles(t, y, "damaged"), l.drawTiles(t, y, "torn"), l.drawTiles(t, y, "unscanned")
		l.levels = append(l.levels, y)
	}
	return l
}

// shrunk halves a side several times and rounds it up, as Deep Zoom does, or down, as scanners do.
func shrunk(t *rapid.T, side, shift int) int {
	if rapid.Bool().Draw(t, "down") {
		return side >> shift
	}
	return pyramid.CeilDiv(side, 1<<shift)
}

// drawTiles picks tiles of a level. Of the finest there are few: a cut refuses a wreck.
func (l *layered) drawTiles(t *rapid.T, y layer, kind string) map[image.Point]bool {
	cols, rows := pyramid.CeilDiv(y.size.W, l.tile), pyramid.CeilDiv(y.size.H, l.tile)
	most := cols * rows / 3
	if y.shift == 0 {
		most = cols * rows / 25
	}
	picked := map[image.Point]bool{}
	for range rapid.IntRange(0, most).Draw(t, kind) {
		picked[image.Pt(rapid.IntRange(0, cols-1).Draw(t, "col"), rapid.IntRange(0, rows-1).Draw(t, "row"))] = true
	}
	return picked
}
