package slide

import (
	"context"
	"image"
	"sync"
)

// tileCache keeps the tiles decoded last, for planes whose own tiles are put together from parts of
// others. It is safe for concurrent use; two callers may decode the same tile at once.
//
// # Memory
//
// At most maxCachedBytes of pixels, and one tile where a tile alone is larger.
type tileCache struct {
	mu    sync.Mutex
	tiles map[cachedTile]*image.RGBA
	order []cachedTile // oldest first
	bytes int
}

type cachedTile struct {
	plane    plane
	col, row int
}

// maxCachedBytes holds two rows of 256-pixel tiles of a slide of 32 000 pixels.
const maxCachedBytes = 64 << 20

func newTileCache() *tileCache { return &tileCache{tiles: make(map[cachedTile]*image.RGBA)} }

// read gives a decoded tile, which is shared: callers must not change it.
func (c *tileCache) read(ctx context.Context, p plane, col, row int) (*image.RGBA, error) {
	key := cachedTile{p, col, row}
	c.mu.Lock()
	tile := c.tiles[key]
	c.mu.Unlock()
	if tile != nil {
		return tile, nil
	}
	tile = new(image.RGBA)
	if err := p.read(ctx, col, row, tile); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tiles[key] == nil {
		c.tiles[key] = tile
		c.order = append(c.order, key)
		c.bytes += cap(tile.Pix)
	}
	for c.bytes > maxCachedBytes && len(c.order) > 1 {
		c.bytes -= cap(c.tiles[c.order[0]].Pix)
		delete(c.tiles, c.order[0])
		c.order = c.order[1:]
	}
	return tile, nil
}
