package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// Retry puts a dead job into the queue once more. It leaves the dead list last: wherever this ends or is cut short,
// the job is on the list or in the queue, at worst in both, and its order never waits in vain.
func (d *Desk) Retry(ctx context.Context, dead jobs.Dead) error {
	l, id := d.Ledger(), dead.Job.Slide
	end, err := l.End(ctx, id)
	if err == nil {
		err = l.Reopen(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("order of %v: %w", id, err)
	}
	if err := d.publishAgain(ctx, dead.Job); err != nil {
		if end != nil { // it is not tried again, so it ended as before
			err = errors.Join(err, l.Close(context.WithoutCancel(ctx), id, *end))
		}
		return err
	}
	return d.forgetSame(ctx, dead)
}

// publishAgain publishes a job that the queue may have seen lately. One that cannot be told so would drop it without
// a word.
func (d *Desk) publishAgain(ctx context.Context, job jobs.Job) error {
	queue, able := d.Queue.(jobs.Repeater)
	if !able {
		return errors.New("this queue takes no job twice: order the slide again with `slidemill submit`")
	}
	if err := queue.Again(ctx, job.ID); err != nil {
		return err
	}
	return d.Queue.Publish(ctx, job)
}

// forgetSame takes a death off the list, but not a newer one of the job: an idle worker may have taken it and
// failed by now, and that nobody would hear of.
func (d *Desk) forgetSame(ctx context.Context, dead jobs.Dead) error {
	all, err := d.Queue.Dead(ctx)
	same := func(one jobs.Dead) bool { return one.Job.ID == dead.Job.ID && one.At.Equal(dead.At) }
	if err != nil || !slices.ContainsFunc(all, same) {
		return err
	}
	return d.Queue.Forget(ctx, dead.Job.ID)
}
