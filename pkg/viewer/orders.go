package viewer

import (
	"context"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// orders are the latest orders by slide.
func (v *viewer) orders(ctx context.Context) (map[pyramid.SlideID]Entry, error) {
	bySlide := map[pyramid.SlideID]Entry{}
	if v.Orders == nil {
		return bySlide, nil
	}
	all, err := v.Orders(ctx)
	for _, e := range all {
		bySlide[e.Slide] = e
	}
	return bySlide, err
}

// lines is what the worklist shows of a slide that is in the store. Orders forgets which run counts of a slide that was ordered
// long ago; it is asked for where there are several.
func (v *viewer) lines(ctx context.Context, id pyramid.SlideID, order Entry, ordered bool) ([]Entry, error) {
	found, err := v.entries(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case ordered:
		return merge(found, order), nil
	case len(found) < 2:
		return found, nil
	}
	run, err := v.counts(ctx, id, nil)
	if err == nil && run != "" {
		mark(found, run)
	}
	return found, err
}

// counts is the run of a slide's last order, whose result counts; "" where it is not known.
func (v *viewer) counts(ctx context.Context, id pyramid.SlideID, order *Entry) (string, error) {
	switch {
	case order != nil:
		return order.Run, nil
	case v.OrderedRun == nil:
		return "", nil
	}
	run, err := v.OrderedRun(ctx, id)
	if err != nil || run == (pyramid.RunID{}) {
		return "", err
	}
	return run.String(), nil
}

// mark says of a slide's runs whether they are that of its last order.
func mark(found []Entry, ordered string) {
	for i := range found {
		e := &found[i]
		e.Counts = e.Run == ordered
		e.Earlier = !e.Counts
	}
}

// merge gives what was found of a slide the names of its order, and shows the order itself where nothing was found of its
// run. What was found is newer than what is known of the order, and knows whether the report can be read.
func merge(found []Entry, order Entry) []Entry {
	if len(found) == 1 && found[0].Run == "" {
		return []Entry{order.own()}
	}
	mark(found, order.Run)
	shown := false
	for i := range found {
		e := &found[i]
		e.File, e.Accession = order.File, order.Accession
		if e.Counts {
			e.Priority, e.Ordered, e.Ended, e.Late, shown = order.Priority, order.Ordered, order.Ended, order.Late, true
		}
	}
	if !shown {
		found = append(found, order.own())
	}
	return found
}

// own is the line of an order of whose run nothing was found. One that was done when it was looked at last has lost its
// result since, as by `verify --repair`: it has no areas, and is not done.
func (e Entry) own() Entry {
	if e.State == "done" {
		e.State, e.Reason, e.Ended = "failed", "its result is in the store no more: run or submit the file again", time.Time{} // nobody knows since when
	}
	return e
}
