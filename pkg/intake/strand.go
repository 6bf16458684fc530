package intake

import (
	"context"
	"errors"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Refuse is for callers that prepare a slide themselves instead of with Take: it writes down that Prepare found the file
// unfit. What to tell of it is in Taken; an error is the system's.
func (r *Reception) Refuse(ctx context.Context, q Request, cause error) (Taken, error) {
	return r.refuse(ctx, q, r.Parameters, cause)
}

// Strand writes down that an order failed, where the queue that held its jobs ends with this process. Nobody can ask that
// queue for the dead job afterwards, so the record keeps what it takes to order the slide once more, as that of a refused
// file does. It does nothing if the result is there, whatever is wrong with it: that is for `verify` to say.
func (d *Desk) Strand(ctx context.Context, o *Order, cause error) error {
	_, err := d.Bucket.Stat(ctx, store.Slide(o.Slide).Run(o.Run).Manifest())
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	l, end := d.Ledger(), End{State: Failed, Reason: NamelessReason(cause, o.Source)}
	var failure *Failure
	if errors.As(cause, &failure) {
		end.Stage = failure.Stage
	}
	now := o.entry()
	e, err := l.Entry(ctx, o.Slide)
	if err != nil || e.Run != o.Run { // the order did not get as far as its record
		e = now
	}
	e.Again, end.At = &Again{o.Source, o.Parameters}, now.At
	if err := l.enter(ctx, e); err != nil {
		return err
	}
	return l.Close(ctx, o.Slide, end)
}

// Found notes that an order's result was there already, under whatever name its file has now. A slide that stands as
// refused, or failed in this order, does so no more. It is no new order: case, priority and time stay those of the old one.
// What failed in an order with other parameters was not asked for, and stays on the list.
func (d *Desk) Found(ctx context.Context, o *Order) error {
	l, now := d.Ledger(), o.entry()
	e, err := l.Entry(ctx, o.Slide)
	refused := e.Run == pyramid.RunID{}
	if err != nil || !refused && (e.Run != o.Run || e.Again == nil) {
		return l.Call(ctx, o.Slide, now.File)
	}
	e.Run, e.Model, e.Again = o.Run, now.Model, nil
	e.call(now.File)
	if err := l.record(ctx, e); err != nil { // first: without its end a refusal would be one that was cut short
		return err
	}
	return l.Reopen(ctx, o.Slide)
}
