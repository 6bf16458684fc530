package stitch

import (
	"container/list"
	"context"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

// cacheBytes is the budget for decoded regions while the pyramids are built.
const cacheBytes = 32 << 20

// cache keeps decoded regions, the least recently used ones dropped first. It is safe for concurrent
// use; two callers of one region wait for one read.
//
// # Memory
//
// cacheBytes, or as many regions as there are workers if that is more, because each needs one to
// work on. The pyramid walk goes depth first, so a region's tiles come close together and each is
// read about once.
type cache struct {
	regions *regions
	budget  int64
	mu      sync.Mutex
	held    int64
	recent  *list.List // of *cached, most recently used first
	at      map[pyramid.Region]*list.Element
}

type cached struct {
	region pyramid.Region
	bytes  int64
	ready  chan struct{} // closed when m and err are set
	m      *segment.RegionMap
	err    error
}

func newCache(r *regions, budget int64) *cache {
	return &cache{regions: r, budget: budget, recent: list.New(), at: make(map[pyramid.Region]*list.Element)}
}

// region returns a planned region. Its planes must not be written to.
func (c *cache) region(ctx context.Context, at pyramid.Region) (*segment.RegionMap, error) {
	entry, mine := c.entry(at)
	if mine {
		entry.m = new(segment.RegionMap)
		entry.err = c.regions.load(ctx, at, entry.m)
		close(entry.ready)
		if entry.err != nil {
			c.forget(at)
		}
		return entry.m, entry.err
	}
	select {
	case <-entry.ready:
		return entry.m, entry.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// entry finds the region or makes room for it; mine says that the caller has to load it.
func (c *cache) entry(at pyramid.Region) (entry *cached, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.at[at]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*cached), false
	}
	entry = &cached{region: at, bytes: segment.RegionPlanes * c.regions.plan.RegionSize(at).Pixels(), ready: make(chan struct{})}
	for c.held+entry.bytes > c.budget && c.recent.Len() > 0 {
		c.drop(c.recent.Back())
	}
	c.at[at] = c.recent.PushFront(entry)
	c.held += entry.bytes
	return entry, true
}

func (c *cache) drop(e *list.Element) {
	entry := c.recent.Remove(e).(*cached)
	delete(c.at, entry.region)
	c.held -= entry.bytes
}

// forget lets the next caller try again.
func (c *cache) forget(at pyramid.Region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.at[at]; ok {
		c.drop(e)
	}
}
