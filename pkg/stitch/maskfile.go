package stitch

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
	"github.com/slidemill/slidemill/pkg/stitch/bytewise"
)

// maskTile is the side of the mask file's tiles. See maskFile for what it costs.
const maskTile = 256

// maskFile writes the binary mask (0 and 255) as a tiled pyramidal BigTIFF while its rows come in, and
// every coarser level from the one before. A pixel of a coarser level is set if any pixel it covers
// is: a lesion must not vanish on the way to the overview.
//
// # Memory
//
// One row of tiles per level: 512 bytes for each pixel of the canvas's width, 25 MB for a slide of
// 50 mm at 1 µm per pixel; a tile for each worker. The writer keeps 12 bytes per tile.
type maskFile struct {
	out     *tiff.Writer
	levels  []*maskLevel
	workers int
	blank   []byte    // an encoded tile without foreground
	pixels  sync.Pool // of those of one tile
}

type maskLevel struct {
	number int
	size   pyramid.Size
	y      int     // of the next row
	strip  []uint8 // one row of tiles, each row padded to whole tiles
	stride int
	odd    []uint8 // an even row that waits for the next one, or nil
	half   []uint8 // a row of the next level
}

// maskConfig says what the file is about.
type maskConfig struct {
	size        pyramid.Size
	mpp         pyramid.MPP
	description string
	software    string
	workers     int
}

func newMaskFile(dst io.WriteSeeker, c maskConfig) (*maskFile, error) {
	out, err := tiff.NewWriter(dst, tiff.Config{MPP: c.mpp, Description: c.description, Software: c.software})
	if err != nil {
		return nil, err
	}
	m := &maskFile{out: out, workers: c.workers}
	m.pixels.New = func() any { return new([maskTile * maskTile]uint8) }
	if m.blank, err = tiff.DeflateTile(nil, make([]uint8, maskTile*maskTile)); err != nil {
		return nil, err
	}
	for size := c.size; ; size = size.Half() {
		if err := m.addLevel(size); err != nil {
			return nil, err
		}
		if size.W <= maskTile && size.H <= maskTile {
			return m, nil
		}
	}
}

func (m *maskFile) addLevel(size pyramid.Size) error {
	n, err := m.out.AddLevel(tiff.LevelConfig{
		Size: size, Tile: maskTile, Samples: 1, Photometric: tiff.BlackIsZero, Compression: tiff.Deflate,
	})
	if err != nil {
		return err
	}
	stride := pyramid.CeilDiv(size.W, maskTile) * maskTile
	m.levels = append(m.levels, &maskLevel{
		number: n, size: size, stride: stride,
		strip: make([]uint8, stride*maskTile), half: make([]uint8, size.Half().W),
	})
	return nil
}

// row takes the next row of the mask, 0 or 255 per pixel. It is not kept.
func (m *maskFile) row(ctx context.Context, pixels []uint8) error { return m.push(ctx, 0, pixels) }

func (m *maskFile) push(ctx context.Context, level int, pixels []uint8) error {
	l := m.levels[level]
	line := l.strip[l.y%maskTile*l.stride:][:l.stride]
	clear(line[copy(line, pixels):])
	l.y++
	last := l.y == l.size.H
	if err := m.pair(ctx, level, line[:l.size.W], last); err != nil {
		return err
	}
	if l.y%maskTile == 0 || last {
		return m.flush(ctx, l)
	}
	return nil
}

// pair makes a row of the next level of every two rows, and of an odd last one alone.
func (m *maskFile) pair(ctx context.Context, level int, line []uint8, last bool) error {
	l := m.levels[level]
	if level+1 == len(m.levels) {
		return nil
	}
	if l.odd == nil && !last {
		l.odd = line // stays in the strip: maskTile is even, so the strip holds both rows of a pair
		return nil
	}
	above := l.odd
	if above == nil {
		above = line
	}
	l.odd = nil
	halve(l.half, above, line)
	return m.push(ctx, level+1, l.half)
}

// halve makes a row of every two pixels of two rows: on if any of the four is. An odd last pixel is alone.
func halve(half, above, line []uint8) {
	for ; len(line) >= 8; half, above, line = half[4:], above[8:], line[8:] {
		binary.LittleEndian.PutUint32(half, bytewise.Pairs(bytewise.Load(above)|bytewise.Load(line)))
	}
	for x := range half {
		right := min(2*x+1, len(line)-1)
		half[x] = above[2*x] | above[right] | line[2*x] | line[right]
	}
}

// flush encodes the strip's tiles together and writes them in order, so that the file's bytes do not
// depend on which was ready first.
func (m *maskFile) flush(ctx context.Context, l *maskLevel) error {
	clear(l.strip[(l.y-1)%maskTile*l.stride+l.stride:])
	row := (l.y - 1) / maskTile
	encoded := make([][]byte, l.stride/maskTile)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(m.workers)
	for col := range encoded {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return err
			}
			encoded[col], err = m.tile(l, col)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("encode mask: %w", err)
	}
	for col, data := range encoded {
		if err := m.out.WriteTile(l.number, col, row, data); err != nil {
			return err
		}
	}
	return nil
}

func (m *maskFile) tile(l *maskLevel, col int) ([]byte, error) {
	line := func(y int) []uint8 { return l.strip[y*l.stride+col*maskTile:][:maskTile] }
	y := 0
	for y < maskTile && blank(line(y)) {
		y++
	}
	if y == maskTile {
		return m.blank, nil
	}
	pixels := m.pixels.Get().(*[maskTile * maskTile]uint8)
	defer m.pixels.Put(pixels)
	for y := range maskTile {
		copy(pixels[y*maskTile:], line(y))
	}
	return tiff.DeflateTile(nil, pixels[:])
}

// close completes the file; it reports rows that never came.
func (m *maskFile) close() error { return m.out.Close() }
