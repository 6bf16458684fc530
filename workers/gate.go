package workers

import (
	"context"
	"slices"
	"sync"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// gate lets so many through at once, the most urgent first, and of one priority in the order in which they
// came. It stands before the network: more regions are in hand than networks run, so that the next region's
// tiles are there when a network is free, and a stat region must not wait for those that were read ahead.
//
// # Memory
//
// Whoever waits holds a canvas: as many as the Loops have jobs in hand.
type gate struct {
	mu      sync.Mutex
	inside  int
	waiting []*visitor // in the order in which they will be let in
}

type visitor struct {
	rank int
	open chan struct{} // closed when it may go in
}

// enter waits until fewer than room are inside; who entered must leave. No room means room for all.
func (g *gate) enter(ctx context.Context, room int, p jobs.Priority) error {
	g.mu.Lock()
	if room < 1 || g.inside < room {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	v := &visitor{rank: slices.Index(jobs.Priorities(), p.Known()), open: make(chan struct{})}
	at := slices.IndexFunc(g.waiting, func(o *visitor) bool { return o.rank > v.rank })
	if at < 0 {
		at = len(g.waiting)
	}
	g.waiting = slices.Insert(g.waiting, at, v)
	g.mu.Unlock()
	select {
	case <-v.open:
		return nil
	case <-ctx.Done():
		return g.giveUp(ctx, v)
	}
}

// giveUp takes a visitor out of the queue, or lets the next one in if it was called a moment ago.
func (g *gate) giveUp(ctx context.Context, v *visitor) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := slices.Index(g.waiting, v); at >= 0 {
		g.waiting = slices.Delete(g.waiting, at, at+1)
	} else {
		g.next()
	}
	return ctx.Err()
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next()
}

// next gives a place to the first who waits, or frees it.
func (g *gate) next() {
	if len(g.waiting) == 0 {
		g.inside--
		return
	}
	close(g.waiting[0].open)
	g.waiting = g.waiting[1:]
}
