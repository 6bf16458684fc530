package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// Again is what it takes to order a slide once more. Of an order that was made the tile job knows it; a refused file
// has no job, and that of an order whose queue ended with a `run` is gone, and so their record is the one place left. It
// goes when the slide is ordered or given up.
type Again struct {
	Source     string             `json:"source"` // path or address
	Parameters segment.Parameters `json:"parameters"`
}

// Refusals lists the slides that ended before there was a job, or whose job is gone with its queue, and that nobody has
// given up, of those that were written down since a time. They stand beside the queue's dead jobs. What failed here and
// another process that shares the store has finished is done.
func (l Ledger) Refusals(ctx context.Context, since time.Time) ([]Line, error) {
	lines, err := l.lines(ctx, since, true)
	if err != nil {
		return nil, err
	}
	lines = slices.DeleteFunc(lines, func(line Line) bool { return !line.refused() })
	done := make([]bool, len(lines))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, line := range lines {
		group.Go(func() (err error) {
			done[i], err = l.finished(ctx, line.Entry)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var list []Line
	for i, line := range lines {
		if !done[i] {
			list = append(list, line)
		}
	}
	return list, nil
}

// finished reports whether the result of an entry's order is there.
func (l Ledger) finished(ctx context.Context, e Entry) (bool, error) {
	if e.Run == (pyramid.RunID{}) {
		return false, nil
	}
	_, err := l.Bucket.Stat(ctx, store.Slide(e.Slide).Run(e.Run).Manifest())
	return err == nil, unlessMissing(err)
}

// refused reports a line of that list. It has no run, as there never was a job, or knows what the job knew.
func (l *Line) refused() bool {
	return (l.Run == pyramid.RunID{} || l.Again != nil) && l.SHA256 != "" && l.End != nil && !l.End.GivenUp && (l.End.State == Failed || l.End.State == Refused)
}

// torn reports a refusal whose reason is not there: whoever wrote it down was killed before that. It has no run, so
// nothing would ever end it.
func (s *Standing) torn() bool {
	return s.Run == (pyramid.RunID{}) && s.SHA256 != "" && time.Since(s.At) > refusalTakes
}

// refusalTakes is how long the reason of a refusal may come after its record, on a store with trouble.
const refusalTakes = 5 * time.Minute

const tornReason = "The file was refused, but the program was interrupted before it wrote down why. " + orderAgain

// refusal reads a slide's line as it is now, or nil if it does not stand as refused any more, such as one that was
// ordered in the meantime.
func (l Ledger) refusal(ctx context.Context, slide pyramid.SlideID) (*Line, error) {
	e, err := l.Entry(ctx, slide)
	if err != nil {
		return nil, unlessMissing(err)
	}
	end, err := l.End(ctx, slide)
	if line := (Line{e, end}); err == nil && line.refused() {
		return &line, nil
	}
	return nil, err
}

// GiveUp takes a refused slide off the list of those that a person is to look after; its reason stays. It does
// nothing if the slide was ordered or refused anew since the line was read.
func (l Ledger) GiveUp(ctx context.Context, line Line) error {
	now, err := l.refusal(ctx, line.Slide)
	if err != nil || now == nil || !now.At.Equal(line.At) {
		return err
	}
	now.End.GivenUp = true
	return l.Dismiss(ctx, line.Slide, *now.End)
}

// Dismiss is Close for an end that keeps a slide off the dead list, such as that a person gave it up: where its file lay
// goes from the record.
func (l Ledger) Dismiss(ctx context.Context, slide pyramid.SlideID, e End) error {
	if err := l.forgetPath(ctx, slide); err != nil { // first: the path must not outlive the list
		return err
	}
	return l.Close(ctx, slide, e)
}

// forgetPath takes out of a slide's record where its file lay. A damaged record is left to the next order, which replaces it.
func (l Ledger) forgetPath(ctx context.Context, slide pyramid.SlideID) error {
	e, err := l.Entry(ctx, slide)
	if errors.Is(err, errUnreadable) || err == nil && e.Again == nil {
		return nil
	}
	if err != nil {
		return unlessMissing(err)
	}
	e.Again = nil
	return l.record(ctx, e)
}

// Retry takes a refused file in once more, from where it lay and as it was wanted then. If another one lies
// there by now, such as a better copy, that is ordered for its case, unless it has one, and the refused one replaced. An
// error says what a person is to do where this cannot be done.
func (r *Reception) Retry(ctx context.Context, line Line) (Taken, error) {
	switch {
	case line.Again == nil:
		return Taken{}, errors.New("where it lay is not known: order the file with `slidemill submit`, and take this off the list with `slidemill dead drop`")
	case line.Model != r.Model.Ref.SHA256:
		return Taken{}, fmt.Errorf("it was to be analysed with the model %.12s…, here is %.12s…: give that one with --model, or order the file with `slidemill submit`", line.Model, r.Model.Ref.SHA256)
	}
	own := *r
	own.Parameters, own.Once = line.Again.Parameters, false
	t, err := own.Take(ctx, Request{Path: line.Again.Source, File: line.File, Case: line.Accession, Priority: line.Priority, Asked: line.Said(), Folder: line.Folder})
	switch {
	case err != nil || t.Slide == (pyramid.SlideID{}):
		return t, err
	case t.Slide == line.Slide && t.State == stitch.Done: // finished since the line was read, by whoever shares the store
		return t, r.Desk.Found(ctx, &Order{Source: line.Again.Source, Slide: t.Slide, Run: t.Run, Model: r.Model.Ref, File: line.File})
	case t.Slide == line.Slide:
		return t, nil
	}
	return t, r.Replace(ctx, Replacement{Old: line.Slide, New: t.Slide, Named: CalledAs(line.File)})
}

// Moved notes that the file of a slide that came to nothing lies elsewhere now, where whoever tries it again finds it. What
// was ordered or given up in the meantime is left alone.
func (r *Reception) Moved(ctx context.Context, slide pyramid.SlideID, source string) error {
	if err := r.movedDead(ctx, slide, source); err != nil {
		return err
	}
	l := r.Desk.Ledger()
	line, err := l.refusal(ctx, slide)
	if err != nil || line == nil || line.Again == nil {
		return err
	}
	line.Again.Source = source
	return l.record(ctx, line.Entry)
}

// movedDead is Moved for a slide that could not be cut: its dead job says where the file is.
func (r *Reception) movedDead(ctx context.Context, slide pyramid.SlideID, source string) error {
	dead, err := r.Desk.Queue.Dead(ctx)
	for _, d := range dead {
		if d.Job.Slide != slide || d.Job.Stage != jobs.Tile || d.Job.Source == source {
			continue
		}
		there := d
		there.Job = jobs.NewTile(slide, source, d.Job.Parameters) // another source is another job
		there.Job.Priority, there.Job.Turn = d.Job.Priority, d.Job.Turn
		if err := r.Desk.Queue.Bury(ctx, there); err != nil { // first: it is on the list all the while
			return err
		}
		if err := r.Desk.Queue.Forget(ctx, d); err != nil {
			return err
		}
	}
	return err
}
