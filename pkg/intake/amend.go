package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Amend brings a correction of accession and priority to an order that was made before, and says what it
// changed, one sentence each; what is equal or not said changes nothing. The accession is the record's, so
// it can be mended at any time. The priority is the jobs': it reaches an order that nobody has begun, and one that came to
// nothing when it is tried again; of one that is worked on or is done a sentence says that it is too late. So does one of an
// order whose file is not where the worklist's is: q.Path is empty, and no job can be made for it.
func (r *Reception) Amend(ctx context.Context, id pyramid.SlideID, q Request) (said []string, err error) {
	if err := CheckAccession(q.Accession); err != nil {
		return []string{err.Error()}, nil
	}
	l := r.Desk.Ledger()
	e, err := l.Entry(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	old := e
	if q.Accession != "" && q.Accession != e.Accession {
		e.Accession = q.Accession
		said = append(said, "its accession is "+q.Accession+" now")
	}
	if q.Priority != "" && q.Priority != e.Priority.Known() {
		word, err := r.hurry(ctx, &e, q)
		if err != nil {
			return nil, err
		}
		said = append(said, word)
	}
	if word := r.rescaled(&old, q); word != "" {
		said = append(said, word)
	}
	if len(said) == 0 {
		return nil, nil
	}
	if q.Asked.After(e.Said()) { // heard, though it may have come too late: it is no news at the next start
		e.Asked = q.Asked
	}
	return said, l.record(ctx, e)
}

// rescaled says that a scale came after an order that was made without it, or with another.
func (r *Reception) rescaled(e *Entry, q Request) string {
	switch {
	case q.MPP == 0 || q.MPP == e.ListedMPP || e.Run == (pyramid.RunID{}) || e.Run == r.orderOf(e, q).Run:
		return ""
	case e.Run == r.orderOf(e, q.withoutScale()).Run:
		return fmt.Sprintf("the worklist gives a scale now, but it was ordered without and keeps the file's: order it again with `slidemill submit --mpp %g`", q.MPP)
	}
	return fmt.Sprintf("the worklist gives a scale of %g µm now, but it was ordered with another one, or with other parameters: order it again with `slidemill submit --mpp %g`", q.MPP, q.MPP)
}

// Corrects reports whether a worklist's scale is another one than it gave when the slide was ordered, so that its result is
// wrong or will be. A slide that was ordered by hand meanwhile with this scale has it.
func (r *Reception) Corrects(e *Entry, mpp float64) bool {
	return mpp != 0 && e.ListedMPP != 0 && mpp != e.ListedMPP && e.Run != (pyramid.RunID{}) && e.Run != r.orderOf(e, Request{MPP: mpp}).Run
}

func (q Request) withoutScale() Request {
	q.MPP = 0
	return q
}

// hurry moves an order that nobody has begun to another priority.
func (r *Reception) hurry(ctx context.Context, e *Entry, q Request) (said string, err error) {
	end, err := r.Desk.Ledger().End(ctx, e.Slide)
	if err != nil {
		return "", err
	}
	all, err := r.judge().Look(ctx, []Line{{*e, end}})
	if err != nil {
		return "", err
	}
	state := all[0].State
	o := r.orderOf(e, q)
	if o.Run != e.Run { // its scale came later and is no part of the order, which can be moved even so
		o = r.orderOf(e, q.withoutScale())
	}
	queue, able := r.Desk.Queue.(mover)
	switch {
	case all[0].Bad() && !all[0].GivenUp:
		e.Priority = q.Priority
		return fmt.Sprintf("its priority is %s now, for when it is tried again", q.Priority), nil
	case state != Waiting && !all[0].Open():
		return fmt.Sprintf("the worklist says %s now, but it is %s already", q.Priority, state), nil
	case state != Waiting:
		return fmt.Sprintf("the worklist says %s now, but it is worked on already and keeps %s", q.Priority, e.Priority.Known()), nil
	case q.Path == "":
		return fmt.Sprintf("the worklist says %s now, but its file is away, and it waits as %s: order it again with `slidemill submit`", q.Priority, e.Priority.Known()), nil
	case !able || o.Run != e.Run:
		return fmt.Sprintf("the worklist says %s now, but it was ordered with another model or scale and keeps %s: order it again with `slidemill submit`", q.Priority, e.Priority.Known()), nil
	}
	e.Priority = q.Priority
	o.Turn = r.Turns.Moved(e.Accession, q.Priority)
	return fmt.Sprintf("its priority is %s now", q.Priority), r.requeue(ctx, queue, o)
}

// orderOf is the order that an entry was made by, with a request's priority.
func (r *Reception) orderOf(e *Entry, q Request) *Order {
	p := r.Parameters
	if q.MPP > 0 {
		p.MPP = q.MPP
	}
	p = r.Model.Settle(p)
	return &Order{
		Source: q.Path, Slide: e.Slide, Run: p.RunID(e.Slide, r.Model.Ref), Model: r.Model.Ref, Parameters: p,
		Accession: e.Accession, Priority: q.Priority,
	}
}

// mover is a queue in which a job can be moved to another lane.
type mover interface {
	jobs.Repeater
	jobs.Withdrawer
}

// requeue publishes the waiting job on its new lane and then takes it back from the others; other runs of the slide
// keep theirs. Wherever this is cut short the order has a job, at worst two, which is harmless; and as the record has
// the old priority still, the correction is made again at the next look.
func (r *Reception) requeue(ctx context.Context, queue mover, o *Order) error {
	job, err := o.Job()
	if err == nil {
		err = queue.Again(ctx, job.ID)
	}
	if err == nil {
		err = r.Desk.Queue.Publish(ctx, job)
	}
	if err == nil {
		_, err = queue.Withdraw(ctx, job.ID, job.Lane())
	}
	return err
}
