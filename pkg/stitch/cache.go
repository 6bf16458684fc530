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
// work on; and one that was dropped, for the next. The pyramid walk goes depth first, so a region's tiles come close
// together and each is read about once.
type cache struct {
	regions *regions
	budget  int64
	mu      sync.Mutex
	held    int64
	recent  *list.List // of *cached, most recently used first
	at      map[pyramid.Region]*list.Element
	spare   *segment.RegionMap // whose memory the next region takes, or nil
}

type cached struct {
	region pyramid.Region
	bytes  int64
	users  int           // who look at it now
	kept   bool          // in the cache
	ready  chan struct{} // closed when m and err are set
	m      *segment.RegionMap
	err    error
}

func newCache(r *regions, budget int64) *cache {
	return &cache{regions: r, budget: budget, recent: list.New(), at: make(map[pyramid.Region]*list.Element)}
}

// look shows a planned region to visit, which must not write to its planes nor keep anything of it.
func (c *cache) look(ctx context.Context, at pyramid.Region, visit func(*segment.RegionMap)) error {
	entry, mine := c.enter(at)
	defer c.leave(entry)
	if mine {
		c.load(ctx, entry)
	}
	select {
	case <-entry.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if entry.err == nil {
		visit(entry.m)
	}
	return entry.err
}

// load reads a region. After an error the next caller tries again.
func (c *cache) load(ctx context.Context, entry *cached) {
	entry.err = c.regions.load(ctx, entry.region, everything, entry.m)
	close(entry.ready)
	if entry.err != nil {
		c.forget(entry)
	}
}

// enter finds the region or makes room for it; mine says that the caller has to load it.
func (c *cache) enter(at pyramid.Region) (entry *cached, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.at[at]; ok {
		c.recent.MoveToFront(e)
		entry = e.Value.(*cached)
		entry.users++
		return entry, false
	}
	entry = &cached{region: at, bytes: segment.RegionPlanes * c.regions.plan.RegionSize(at).Pixels(), users: 1, kept: true, ready: make(chan struct{})}
	for c.held+entry.bytes > c.budget && c.recent.Len() > 0 {
		c.drop(c.recent.Back())
	}
	c.at[at] = c.recent.PushFront(entry)
	c.held += entry.bytes
	if entry.m, c.spare = c.spare, nil; entry.m == nil {
		entry.m = new(segment.RegionMap)
	}
	return entry, true
}

func (c *cache) leave(entry *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry.users--
	c.salvage(entry)
}

func (c *cache) drop(e *list.Element) {
	entry := c.recent.Remove(e).(*cached)
	delete(c.at, entry.region)
	c.held -= entry.bytes
	entry.kept = false
	c.salvage(entry)
}

// salvage takes the memory of a region that nobody can look at any more.
func (c *cache) salvage(entry *cached) {
	if !entry.kept && entry.users == 0 {
		c.spare, entry.m = entry.m, nil
	}
}

// forget drops an entry, unless that was done meanwhile.
func (c *cache) forget(entry *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.at[entry.region]; ok && e.Value == entry {
		c.drop(e)
	}
}
