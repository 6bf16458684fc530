package viewer

import (
	"context"

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

// merge gives what was found of a slide the names of its order, and shows the order itself where nothing was found of its
// run. What was found is newer than what is known of the order, and knows whether the report can be read.
func merge(found []Entry, order Entry, ordered bool) []Entry {
	if !ordered {
		return found
	}
	shown := false
	for i := range found {
		e := &found[i]
		if e.Run == "" {
			found[i], shown = order.own(), true
			continue
		}
		e.File, e.Accession = order.File, order.Accession
		e.Counts = e.Run == order.Run
		if e.Earlier = !e.Counts; e.Earlier {
			continue
		}
		e.Priority, e.Ordered, e.Ended, e.Late, shown = order.Priority, order.Ordered, order.Ended, order.Late, true
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
		e.State, e.Reason = "failed", "its result is in the store no more: run or submit the file again"
	}
	return e
}
