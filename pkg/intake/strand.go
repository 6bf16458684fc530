package intake

import (
	"context"
	"errors"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// Refuse writes down that Prepare found a file unfit, for who prepares slides without Take. What is told of it is in Taken;
// an error is the system's.
func (r *Reception) Refuse(ctx context.Context, q Request, cause error) (Taken, error) {
	return r.refuse(ctx, q, r.Parameters, cause)
}

// Strand writes down that an order came to nothing whose queue ends with this process. Nobody can ask that queue for the
// dead job, so the record knows what it takes to order the slide once more, as that of a refused file does. It does nothing
// if the result is there, whatever is wrong with it: that is for `verify` to say.
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
// refused or failed, such as one that was handed in with a wrong scale since, does so no more.
func (d *Desk) Found(ctx context.Context, o *Order) error {
	l := d.Ledger()
	e, err := l.Entry(ctx, o.Slide)
	if err == nil && (e.Again != nil || e.Run == pyramid.RunID{}) {
		return l.Enter(ctx, o.entry())
	}
	return l.Call(ctx, o.Slide, slide.FileName(o.Source))
}
