package tiler

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCacheLoadsOnceAndKeepsItsBudget(t *testing.T) {
	c := newCache[int](5, func(int) int64 { return 1 })
	var loads atomic.Int64
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			v, err := c.get(t.Context(), 7, func(context.Context) (int, error) {
				<-gate
				loads.Add(1)
				return 49, nil
			})
			if v != 49 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
		})
	}
	close(gate)
	wg.Wait()
	if loads.Load() != 1 {
		t.Errorf("loaded %d times", loads.Load())
	}
	for k := range 20 {
		if _, err := c.get(t.Context(), k, func(context.Context) (int, error) { return k, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if c.used != 5 || c.recent.Len() != 5 || len(c.entries) != 5 {
		t.Errorf("%d bytes in %d entries", c.used, len(c.entries))
	}
}

func TestCacheForgetsErrors(t *testing.T) {
	c := newCache[string](5, func(int) int64 { return 1 })
	broken := errors.New("broken")
	if _, err := c.get(t.Context(), "a", func(context.Context) (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if v, err := c.get(t.Context(), "a", func(context.Context) (int, error) { return 3, nil }); v != 3 || err != nil {
		t.Fatal(v, err)
	}
}

// TestCacheSurvivesACaller: the one who loads gives up, one who waits takes over.
func TestCacheSurvivesACaller(t *testing.T) {
	c := newCache[string](5, func(int) int64 { return 1 })
	ctx, cancel := context.WithCancel(t.Context())
	started, got := make(chan struct{}), make(chan int)
	go c.get(ctx, "a", func(ctx context.Context) (int, error) { //nolint:errcheck // it is cancelled
		close(started)
		<-ctx.Done()
		return 0, ctx.Err()
	})
	<-started
	go func() {
		v, _ := c.get(t.Context(), "a", func(context.Context) (int, error) { return 5, nil })
		got <- v
	}()
	cancel()
	if v := <-got; v != 5 {
		t.Errorf("got %d", v)
	}
}

func TestCachePanicDoesNotStrandWaiters(t *testing.T) {
	c := newCache[string](5, func(int) int64 { return 1 })
	func() {
		defer func() { _ = recover() }()
		c.get(t.Context(), "a", func(context.Context) (int, error) { panic("bad tile") }) //nolint:errcheck // it panics
	}()
	if v, err := c.get(t.Context(), "a", func(context.Context) (int, error) { return 3, nil }); v != 3 || err != nil {
		t.Fatal(v, err)
	}
}
