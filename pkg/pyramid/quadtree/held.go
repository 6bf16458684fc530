package quadtree

import (
	"slices"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Held keeps what was made of the tiles below a root until that is done (Pieces.Done), for who wants all of an image
// in one order. The zero value is ready; it is safe for concurrent use.
//
// # Memory
//
// What is held is the caller's, and so is the bound.
type Held[T any] struct {
	mu     sync.Mutex
	byRoot map[pyramid.Tile][]held[T]
}

type held[T any] struct {
	level int
	made  T
}

// Hold keeps what was made of a tile at or below root.
func (h *Held[T]) Hold(root, t pyramid.Tile, made T) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byRoot == nil {
		h.byRoot = make(map[pyramid.Tile][]held[T])
	}
	h.byRoot[root] = append(h.byRoot[root], held[T]{t.Level, made})
}

// Len is how much is held of all roots.
func (h *Held[T]) Len() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, list := range h.byRoot {
		n += len(list)
	}
	return n
}

// Flush lets go of what is held of a root, level by level from the finest and in a level in the order in which it
// came: who reads one level later finds neighbours side by side. An error of put ends it.
func (h *Held[T]) Flush(root pyramid.Tile, put func(T) error) error {
	h.mu.Lock()
	list := h.byRoot[root]
	delete(h.byRoot, root)
	h.mu.Unlock()
	slices.SortStableFunc(list, func(a, b held[T]) int { return b.level - a.level })
	for _, it := range list {
		if err := put(it.made); err != nil {
			return err
		}
	}
	return nil
}
