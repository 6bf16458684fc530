package mem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// delivery is one attempt. Once its patience has ended, the job belongs to somebody else, and what
// this one says no longer counts.
type delivery struct {
	q       *Queue
	e       *entry
	attempt int
	ended   bool
}

var errEnded = errors.New("the delivery has ended")

func (d *delivery) Job() jobs.Job { return d.e.job }
func (d *delivery) Attempt() int  { return d.attempt }
func (d *delivery) Last() bool    { return d.attempt >= d.q.config.MaxDeliver }

func (d *delivery) Alive(ctx context.Context) error {
	return d.with(ctx, "keep", func() { d.e.due = time.Now().Add(d.q.config.Patience) })
}

func (d *delivery) Ack(ctx context.Context) error { return d.end(ctx, "ack", d.remove) }

func (d *delivery) Nak(ctx context.Context, delay time.Duration) error {
	return d.end(ctx, "nak", func() {
		d.e.inHand, d.e.due = false, time.Now().Add(delay)
		d.q.ring()
	})
}

func (d *delivery) Term(ctx context.Context, _ string) error { return d.end(ctx, "term", d.remove) }

func (d *delivery) remove() {
	d.q.entries = slices.DeleteFunc(d.q.entries, func(e *entry) bool { return e == d.e })
}

func (d *delivery) end(ctx context.Context, op string, do func()) error {
	return d.with(ctx, op, func() { do(); d.ended = true })
}

func (d *delivery) with(ctx context.Context, op string, do func()) error {
	d.q.mu.Lock()
	defer d.q.mu.Unlock()
	err := ctx.Err()
	if err == nil && d.ended {
		err = errEnded
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", op, d.e.job.ID, err)
	}
	if d.e.attempts == d.attempt && d.e.inHand {
		do()
	}
	return nil
}
