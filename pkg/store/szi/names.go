package szi

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// names spells what the entries of one archive are called.
type names struct {
	folder string // of the Deep Zoom image
	format string // of the tiles, which is their extension too
}

// Folder is the name of the Deep Zoom image inside the archive under key.
func Folder(key string) string { return strings.TrimSuffix(path.Base(key), ".szi") }

// namesOf is how the entries of the archive under key must be called: whoever reads a tile of one kind takes no
// other for it. A key that is no archive's is store.ErrInvalid.
func namesOf(key string) (names, error) {
	ref, err := store.Parse(key)
	if err != nil {
		return names{}, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	kind, ok := packs[ref.Kind]
	if !ok {
		return names{}, fmt.Errorf("%w: %s is no archive", store.ErrInvalid, key)
	}
	return names{Folder(key), kind.Format()}, nil
}

// packs says which tiles an archive holds. It is never written to.
var packs = map[store.Kind]store.Kind{
	store.PyramidArchive:     store.PyramidTile,
	store.PyramidHead:        store.PyramidTile,
	store.ProbabilityArchive: store.ProbabilityTile,
	store.OverlayArchive:     store.OverlayTile,
}

// packedTile gives the archives in which the tile of a key may lie, the whole one first.
func packedTile(key string) (t pyramid.Tile, archives []string, ok bool) {
	ref, err := store.Parse(key)
	if err != nil {
		return t, nil, false
	}
	keys := store.Slide(ref.Slide)
	switch ref.Kind {
	case store.PyramidTile:
		archives = []string{keys.PyramidArchive(), keys.PyramidHead()}
	case store.ProbabilityTile:
		archives = []string{keys.Run(ref.Run).ProbabilityArchive()}
	case store.OverlayTile:
		archives = []string{keys.Run(ref.Run).OverlayArchive()}
	}
	return ref.Tile, archives, len(archives) > 0
}

func (n names) descriptor() string { return n.folder + "/" + n.folder + ".dzi" }

func (n names) properties() string { return n.folder + "/scan-properties.xml" }

func (n names) tile(t pyramid.Tile) string { return fmt.Sprintf("%s%v.%s", n.tiles(), t, n.format) }

// tiles begins the name of every tile.
func (n names) tiles() string { return n.folder + "/" + n.folder + "_files/" }

// parse is the inverse of tile.
func (n names) parse(name string) (t pyramid.Tile, err error) {
	rest, _ := strings.CutPrefix(strings.TrimSuffix(name, "."+n.format), n.tiles())
	level, cell, _ := strings.Cut(rest, "/")
	col, row, _ := strings.Cut(cell, "_")
	for i, text := range []string{level, col, row} {
		v, err := strconv.ParseUint(text, 10, tileBits)
		if err != nil {
			return t, damaged("name %.80q, want %s…%s", name, n.tiles(), n.format)
		}
		*[]*int{&t.Level, &t.Col, &t.Row}[i] = int(v)
	}
	if !packable(t) || n.tile(t) != name {
		return t, damaged("name %.80q, want %s…%s", name, n.tiles(), n.format)
	}
	return t, nil
}

// tileBits are the bits of a column or row in packTile.
const tileBits = 28

// packable reports whether packTile holds a tile.
func packable(t pyramid.Tile) bool {
	return t.Level >= 0 && t.Level <= 63 && t.Col >= 0 && t.Row >= 0 && t.Col < 1<<tileBits && t.Row < 1<<tileBits
}

// packTile is a tile as a number. Tiles of one level are in row order.
func packTile(t pyramid.Tile) uint64 {
	return uint64(t.Level)<<(2*tileBits) | uint64(t.Row)<<tileBits | uint64(t.Col)
}

func unpackTile(v uint64) pyramid.Tile {
	const mask = 1<<tileBits - 1
	return pyramid.Tile{Level: int(v >> (2 * tileBits)), Row: int(v >> tileBits & mask), Col: int(v & mask)}
}
