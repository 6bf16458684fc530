package tiler

import (
	"context"
	"image"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/codec"
)

// natives are the levels of the pyramid that the slide holds already, in tiles on the same grid: their
// tiles need not be made, and where they are JPEG not even decoded. It is safe for concurrent use.
//
// # Memory
//
// A point for each damaged tile above the finest level: in the worst of files a third of the slide's tiles, some
// 50 bytes each. And a few tiles for each tile that is composed at the moment, on every level below it.
type natives struct {
	source *source
	dz     pyramid.DeepZoom
	levels []native       // by level of the pyramid
	raws   slide.RawTiler // nil if streams are not to be copied
	decode codec.JPEGDecoder
	half   codec.JPEGDecoder
	check  func(stream []byte, limit int) error

	mu  sync.Mutex
	bad map[pyramid.Tile]bool // tiles above the finest level that could not be read
}

// native is a level of the slide; size is empty where the pyramid's level has none.
type native struct {
	level int
	size  pyramid.Size
	jpeg  bool
}

// newNatives finds the levels. With a quality, every tile is made anew from the finest level.
func newNatives(cfg Config, dz pyramid.DeepZoom, src *source) *natives {
	n := &natives{source: src, dz: dz, levels: make([]native, dz.Max()+1), bad: map[pyramid.Tile]bool{}}
	n.decode, n.half, n.check = codec.DecodeJPEG, codec.DecodeHalf, codec.CheckJPEG
	if turbo, err := codec.FindTurbo(); err == nil {
		n.decode, n.half, n.check = turbo.Decode, turbo.DecodeHalf, turbo.Check
	}
	if cfg.Quality != 0 {
		return n
	}
	n.raws, _ = cfg.Slide.(slide.RawTiler)
	for i, l := range cfg.Slide.Info().Levels {
		if l.TileSize != (pyramid.Size{W: dz.Tile, H: dz.Tile}) {
			continue
		}
		for at := range n.levels {
			if n.levels[at].size.Empty() && halvedTo(dz, at, l.Size) {
				n.levels[at] = native{level: i, size: l.Size, jpeg: l.Codec == "jpeg"}
			}
		}
	}
	return n
}

// halvedTo reports whether a level of the slide is a level of the pyramid. Deep Zoom rounds sizes up, many
// scanners down: they leave out the last row or column that is not whole.
func halvedTo(dz pyramid.DeepZoom, at int, size pyramid.Size) bool {
	up, shift := dz.LevelSize(at), uint(dz.Max()-at)
	down := pyramid.Size{W: dz.Size.W >> shift, H: dz.Size.H >> shift}
	return !size.Empty() && (size.W == up.W || size.W == down.W) && (size.H == up.H || size.H == down.H)
}

// coarsest is the coarsest level of the slide that is at least as fine as the pyramid's level.
func (n *natives) coarsest(level int) int {
	for ; level < n.dz.Max(); level++ {
		if !n.levels[level].size.Empty() {
			return level
		}
	}
	return level
}

// has reports whether the slide holds a tile whole. Tiles cut at an edge are not: in the file they are padded.
func (n *natives) has(t pyramid.Tile) bool {
	size := n.levels[t.Level].size
	return (t.Col+1)*n.dz.Tile <= size.W && (t.Row+1)*n.dz.Tile <= size.H
}

// copies reports whether a tile's own stream may be stored as it is, if it turns out to be sound.
func (n *natives) copies(t pyramid.Tile) bool {
	return n.raws != nil && n.levels[t.Level].jpeg && n.has(t)
}

// raw reads the slide's own stream of a tile into buf and reports whether there is one of just this tile.
func (n *natives) raw(ctx context.Context, t pyramid.Tile, buf *buffer) (bool, error) {
	if t.Level == n.dz.Max() && n.source.isBad(image.Pt(t.Col, t.Row)) {
		return false, nil
	}
	raw, ok, err := n.raws.RawTile(ctx, n.levels[t.Level].level, t.Col, t.Row, buf.data)
	if err != nil && !isDamage(err) {
		return false, err
	}
	if err != nil || !ok {
		return false, ctx.Err() // its pixels can be made
	}
	buf.data = raw
	size, err := codec.JPEGSize(raw)
	return err == nil && size == image.Pt(n.dz.Tile, n.dz.Tile), nil
}

// sound reports whether a whole tile's stream decodes, of which no pixel is needed.
func (n *natives) sound(raw []byte) bool {
	return n.check(raw, n.dz.Tile*n.dz.Tile) == nil
}

// decodeHalf decodes a whole tile's stream at half its size; it reports false where that cannot be done.
func (n *natives) decodeHalf(raw []byte, dst *image.RGBA) bool {
	side := n.dz.Tile / 2
	reshape(dst, image.Rect(0, 0, side, side))
	return n.half(dst, raw, side*side) == nil
}

// decodeFull decodes a whole tile's stream.
func (n *natives) decodeFull(raw []byte, dst *image.RGBA) bool {
	side := n.dz.Tile
	reshape(dst, image.Rect(0, 0, side, side))
	return n.decode(dst, raw, side*side) == nil
}

// pixels fills dst with a tile: from the slide's level, or from the tiles below it where the slide has no
// such tile or a damaged one. Pixels without a picture become white with an alpha below 255.
func (n *natives) pixels(ctx context.Context, t pyramid.Tile, dst *image.RGBA) error {
	if t.Level == n.dz.Max() {
		_, err := n.source.read(ctx, t, dst)
		return err
	}
	if n.has(t) {
		err := n.source.slide.ReadTile(ctx, n.levels[t.Level].level, t.Col, t.Row, dst)
		if err == nil {
			whiten(dst)
		}
		if err == nil || ctx.Err() != nil || !isDamage(err) {
			return err
		}
		n.note(t)
	}
	return n.compose(ctx, t, dst)
}

func (n *natives) note(t pyramid.Tile) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bad[t] = true
}

// unseen lists what is damaged on the finest level and missing on coarser ones up to the given one: where no
// tile of the slide's own above it shows the place. Only a pass that comes from at least the coarsest native
// level below has looked at all of it. In row order of the damaged tiles.
func (n *natives) unseen(level int) (out []image.Rectangle) {
	leaves := n.dz.Grid(n.dz.Max())
	for _, r := range n.source.damaged() {
		cells := leaves.Cover(r)
		for y := cells.Min.Y; y < cells.Max.Y; y++ {
			for x := cells.Min.X; x < cells.Max.X; x++ {
				if !n.shown(pyramid.Tile{Level: n.dz.Max(), Col: x, Row: y}, level) {
					out = append(out, r.Intersect(leaves.Bounds(x, y)))
				}
			}
		}
	}
	return out
}

// shown reports whether the slide holds a sound tile above a leaf, on a level not coarser than the given one.
func (n *natives) shown(t pyramid.Tile, level int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for t.Level > level {
		t = above(t, t.Level-1)
		if n.has(t) && !n.bad[t] {
			return true
		}
	}
	return false
}
