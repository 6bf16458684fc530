package workers

import (
	"context"
	"fmt"

	"github.com/slidemill/slidemill/pkg/store"
)

// Budget is the time of one slide that is cut outside the queue: as much as the tile stage gives it.
type Budget struct{ clock *clock }

// NewBudget sets a slide's clock going and gives the context that ends with its time. The caller closes it.
func NewBudget(ctx context.Context) (context.Context, *Budget) { return newBudget(ctx, cutAllowance) }

func newBudget(ctx context.Context, a allowance) (context.Context, *Budget) {
	ctx, c := newClock(ctx, a)
	return ctx, &Budget{c}
}

// Close ends the clock and its context.
func (b *Budget) Close() { b.clock.stop() }

// Do does work on the slide. What does not end with the slide's time, or with ctx, which is NewBudget's or of it, is
// left behind: it must share nothing with the caller but what it gives by ending. A panic of the work is the caller's,
// with the stack of where it happened: here no job takes it down, and the caller's own stack says nothing of it.
func (b *Budget) Do(ctx context.Context, work func() error) error {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *fault:
			panic(fmt.Sprintf("%v\n\n%s", p, p.stack))
		default:
			panic(p)
		}
	}()
	return b.clock.do(ctx, work)
}

// LeftBehind reports whether some of the work goes on: then what it uses must not be closed.
func (b *Budget) LeftBehind() bool {
	b.clock.mu.Lock()
	defer b.clock.mu.Unlock()
	return b.clock.left > 0
}

// Grant gives time for a slide's files and pixels, once they are known.
func (b *Budget) Grant(bytes, pixels int64) {
	b.clock.grantBytes(bytes)
	b.clock.grantPixels(pixels)
}

// Bucket stops the clock while the store is waited for.
func (b *Budget) Bucket(s store.Bucket) store.Bucket { return &heldBucket{s, b.clock} }
