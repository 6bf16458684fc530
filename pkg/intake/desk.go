package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// Failure is an order that ended on the dead list.
type Failure struct {
	Reason string
	Stage  jobs.Stage // whose job it was
}

func (f *Failure) Error() string { return f.Reason }

// Desk takes orders and answers when they are done.
type Desk struct {
	Bucket store.Bucket
	Queue  jobs.Queue
	Events <-chan jobs.Event // from Events.Watch; read by one Wait at a time
}

// Report reads the order's report, or store.ErrNotFound while there is none.
func (d *Desk) Report(ctx context.Context, o *Order) (*stitch.Report, error) {
	keys := store.Slide(o.Slide).Run(o.Run)
	if _, err := d.Bucket.Stat(ctx, keys.Manifest()); err != nil {
		return nil, err
	}
	data, err := store.ReadAll(ctx, d.Bucket, keys.Report(), maxReport)
	if err != nil {
		return nil, err
	}
	report, err := stitch.DecodeReport(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: remove %s from the store and run again", keys.Report(), err, keys.Manifest())
	}
	return report, nil
}

// maxReport bounds a report that is read into memory.
const maxReport = 64 << 20

// Ledger is the book that the desk writes orders into.
func (d *Desk) Ledger() Ledger { return Ledger{d.Bucket} }

// Submit enqueues the order and writes it into the ledger, in this order: what the ledger knows to wait does
// wait, even if the queue was full or the process was killed in between. Submitting again is harmless. A job
// that died earlier is tried again, and so is a slide that was cancelled or given up. An order without a priority
// gets one.
func (d *Desk) Submit(ctx context.Context, o *Order) (err error) {
	if o.Priority, err = d.priority(ctx, o.Slide, o.Priority); err != nil {
		return fmt.Errorf("order of %v: %w", o.Slide, err)
	}
	job, err := o.Job()
	if err != nil {
		return err
	}
	if err := CheckAccession(o.Accession); err != nil {
		return err
	}
	l := d.Ledger()
	end, err := l.End(ctx, o.Slide)
	if err == nil {
		err = l.Reopen(ctx, o.Slide)
	}
	if err != nil {
		return fmt.Errorf("order of %v: %w", o.Slide, err)
	}
	err = d.forget(ctx, o, end)
	if err == nil {
		err = d.Queue.Publish(ctx, job)
	}
	if err == nil {
		return l.enter(ctx, o.entry())
	}
	if end != nil { // it is not tried again, so it ended as before
		err = errors.Join(err, l.Close(context.WithoutCancel(ctx), o.Slide, *end))
	}
	return err
}

// priority is what is said of an order. Where nobody says it, it is that of the slide's last order, if that came to nothing:
// whoever could not wait for it waits still. An order that has its result is over, and so is its urgency.
func (d *Desk) priority(ctx context.Context, id pyramid.SlideID, said jobs.Priority) (jobs.Priority, error) {
	if said != "" {
		return said, nil
	}
	last, err := d.Ledger().Entry(ctx, id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, errUnreadable) {
		return jobs.Routine, nil
	}
	if err != nil {
		return "", err
	}
	_, err = d.Bucket.Stat(ctx, store.Slide(id).Run(last.Run).Manifest())
	if errors.Is(err, store.ErrNotFound) {
		return last.Priority.Known(), nil
	}
	return jobs.Routine, err
}

// forget takes the order's dead jobs off the list. Of an order that ended without them, by a person, the queue
// knows jobs that were published lately and came to nothing: without a word it would drop them as doubles, and
// the order would wait for ever. The word is given here once more, as workers have let jobs go since.
func (d *Desk) forget(ctx context.Context, o *Order, end *End) error {
	dead, err := d.Queue.Dead(ctx)
	if err != nil {
		return err
	}
	for _, entry := range dead {
		if !o.owns(entry.Job.Slide, runOf(entry.Job)) {
			continue
		}
		if err := d.withdraw(ctx, entry.Job.ID); err != nil {
			return err
		}
		if err := d.Queue.Forget(ctx, entry); err != nil {
			return err
		}
	}
	if queue, able := d.Queue.(jobs.Canceller); able && end != nil {
		_, err = queue.Cancel(ctx, o.Slide)
	}
	return err
}

// lookEvery is how often Wait asks the store and the dead list, in case an event was lost.
const lookEvery = 2 * time.Second

// Wait returns the order's report once it is done, or a *Failure. watch, if not nil, hears the
// order's events.
func (d *Desk) Wait(ctx context.Context, o *Order, watch func(jobs.Event)) (*stitch.Report, error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		report, err := d.end(ctx, o)
		if report != nil || err != nil {
			return report, err
		}
		if err := d.next(ctx, o, look.C, watch); err != nil {
			return nil, err
		}
	}
}

// next returns when it is worth looking for the end again.
func (d *Desk) next(ctx context.Context, o *Order, look <-chan time.Time, watch func(jobs.Event)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look:
			return nil
		case e, ok := <-d.Events:
			if !ok {
				return errors.New("the event stream ended")
			}
			if !o.owns(e.Slide, e.Run) {
				continue
			}
			if watch != nil {
				watch(e)
			}
			if e.State == jobs.Failed || e.Stage == jobs.Stitch && e.State == jobs.Done {
				return nil
			}
		}
	}
}

// end looks whether the order is done or dead; both are nil while it is neither.
func (d *Desk) end(ctx context.Context, o *Order) (*stitch.Report, error) {
	report, err := d.Report(ctx, o)
	if err == nil {
		return report, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	dead, err := d.Queue.Dead(ctx)
	if err != nil {
		return nil, err
	}
	for _, entry := range dead {
		if o.owns(entry.Job.Slide, runOf(entry.Job)) {
			return nil, &Failure{entry.Reason, entry.Job.Stage}
		}
	}
	return nil, nil
}
