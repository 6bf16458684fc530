package tiler

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// cache keeps the most recently used values within a budget in bytes and loads each missing one
// once, however many ask for it. It is safe for concurrent use; values are shared and must not be
// changed.
//
// # Memory
//
// The values kept cost at most budget. Beyond it lives only what callers hold or load: one value
// each at a time.
type cache[K comparable, V any] struct {
	budget int64
	cost   func(V) int64

	mu      sync.Mutex
	used    int64
	entries map[K]*entry[K, V]
	recent  *list.List // of *entry[K, V], loaded ones only, most recent first
}

type entry[K comparable, V any] struct {
	key   K
	place *list.Element // in recent; nil while loading
	done  chan struct{} // closed once value and err are set
	value V
	err   error
}

func newCache[K comparable, V any](budget int64, cost func(V) int64) *cache[K, V] {
	return &cache[K, V]{budget: budget, cost: cost, entries: make(map[K]*entry[K, V]), recent: list.New()}
}

// get returns the value of key, loading it if need be. An error is handed to everybody who waits and
// is not kept. If the caller that loads gives up, another one takes over.
func (c *cache[K, V]) get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	for {
		e, mine := c.claim(key)
		if mine {
			return c.load(ctx, e, load)
		}
		select {
		case <-e.done:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
		if !errors.Is(e.err, context.Canceled) && !errors.Is(e.err, context.DeadlineExceeded) {
			return e.value, e.err
		}
		if err := ctx.Err(); err != nil {
			return e.value, err
		}
	}
}

var errAborted = errors.New("loading ended without a result")

// load fills a claimed entry. Even a panic settles it, so that nobody waits for ever.
func (c *cache[K, V]) load(ctx context.Context, e *entry[K, V], load func(context.Context) (V, error)) (V, error) {
	e.err = errAborted
	defer c.settle(e)
	e.value, e.err = load(ctx)
	return e.value, e.err
}

// claim finds the entry of key, or makes one that the caller must load and settle.
func (c *cache[K, V]) claim(key K) (e *entry[K, V], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[key]; ok {
		if e.place != nil {
			c.recent.MoveToFront(e.place)
		}
		return e, false
	}
	e = &entry[K, V]{key: key, done: make(chan struct{})}
	c.entries[key] = e
	return e, true
}

// settle publishes a loaded entry and makes room for it.
func (c *cache[K, V]) settle(e *entry[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(e.done)
	if e.err != nil {
		delete(c.entries, e.key)
		return
	}
	e.place = c.recent.PushFront(e)
	c.used += c.cost(e.value)
	for c.used > c.budget && c.recent.Len() > 0 {
		c.evict(c.recent.Back())
	}
}

func (c *cache[K, V]) evict(place *list.Element) {
	e := c.recent.Remove(place).(*entry[K, V])
	delete(c.entries, e.key)
	c.used -= c.cost(e.value)
}
