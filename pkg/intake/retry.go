package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
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
	job, err := d.atPriority(ctx, dead.Job)
	if err == nil {
		err = d.publishAgain(ctx, job)
	}
	if err != nil {
		if end != nil { // it is not tried again, so it ended as before
			err = errors.Join(err, l.Close(context.WithoutCancel(ctx), id, *end))
		}
		return err
	}
	if err := l.forgetPath(ctx, id); err != nil { // of an earlier failure: its end is gone, and so it is off the list
		return err
	}
	return d.Queue.Forget(ctx, dead) // but no newer death: an idle worker may have taken it and failed by now
}

// atPriority is the job with its order's priority, which a worklist may have corrected since the job was made.
func (d *Desk) atPriority(ctx context.Context, job jobs.Job) (jobs.Job, error) {
	e, err := d.Ledger().Entry(ctx, job.Slide)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, errUnreadable) {
		return job, nil
	}
	if run := runOf(job); err == nil && (run == e.Run || run == pyramid.RunID{}) {
		job.Priority = e.Priority
	}
	return job, err
}

// publishAgain publishes a dead job. A queue that cannot be told that it is would drop it without a word.
func (d *Desk) publishAgain(ctx context.Context, job jobs.Job) error {
	if _, able := d.Queue.(jobs.Withdrawer); !able {
		return errors.New("this queue takes no job twice: order the slide again with `slidemill submit`")
	}
	if err := d.withdraw(ctx, job.ID); err != nil {
		return err
	}
	return d.Queue.Publish(ctx, job)
}

// withdraw takes what may be left of a dead job out of the queue: between its death and its end it is in its last worker's
// hand, and its like would be dropped.
func (d *Desk) withdraw(ctx context.Context, id string) error {
	queue, able := d.Queue.(jobs.Withdrawer)
	if _, err := jobs.ParseID(id); !able || err != nil { // of a message that was no job nothing is left
		return nil
	}
	_, err := queue.Withdraw(ctx, id)
	return err
}
