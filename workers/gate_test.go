package workers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// TestGate: a stat region passes those that were read ahead; of one priority the first comes first; who gives
// up takes no place along.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.enter(t.Context(), 1, jobs.Routine); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var came []string
		visit := func(ctx context.Context, name string, p jobs.Priority) {
			go func() {
				if err := g.enter(ctx, 1, p); err != nil {
					name = "gave up"
				} else {
					defer g.leave()
				}
				mu.Lock()
				defer mu.Unlock()
				came = append(came, name)
			}()
			synctest.Wait()
		}
		impatient, cancel := context.WithCancel(t.Context())
		visit(t.Context(), "routine 1", jobs.Routine)
		visit(impatient, "impatient", jobs.Stat)
		visit(t.Context(), "routine 2", "")
		visit(t.Context(), "stat", jobs.Stat)
		visit(t.Context(), "urgent", jobs.Urgent)
		cancel()
		synctest.Wait()
		g.leave()
		synctest.Wait()
		if want := []string{"gave up", "stat", "urgent", "routine 1", "routine 2"}; !slices.Equal(came, want) {
			t.Errorf("came %q, want %q", came, want)
		}
		if g.inside != 0 || len(g.waiting) != 0 {
			t.Errorf("%d inside, %d waiting after all have left", g.inside, len(g.waiting))
		}
	})
}

// TestGateRoom: never more inside than there is room, and nobody is forgotten, however many give up.
func TestGateRoom(t *testing.T) {
	const room, visitors = 3, 200
	var g gate
	var mu sync.Mutex
	inside, most := 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		inside += n
		most = max(most, inside)
	}
	var group sync.WaitGroup
	for i := range visitors {
		ctx, cancel := context.WithCancel(t.Context())
		group.Go(func() {
			if err := g.enter(ctx, room, jobs.Priorities()[i%3]); err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
			count(1)
			count(-1)
			g.leave()
		})
		if i%4 == 0 {
			group.Go(cancel)
		} else {
			defer cancel()
		}
	}
	group.Wait()
	if most > room || g.inside != 0 || len(g.waiting) != 0 {
		t.Errorf("%d at once in a room for %d; %d inside, %d waiting at the end", most, room, g.inside, len(g.waiting))
	}
}
