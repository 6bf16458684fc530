package watch

import (
	"context"
	"slices"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// recognise compares a slide that has its order, or came to nothing before, with what was known of its file; before, if not
// nil, is what this watcher took from it last. It reports whether its file was known for it when this watcher began.
func (w *Watcher) recognise(ctx context.Context, s, before *Slide) (earlier bool) {
	earlier = before == nil && w.byFurtherName(s.File, s.Slide)
	if s.Doubled != "" {
		return earlier
	}
	if s.cameToNothing() && !earlier && w.knew(s.File, s.Slide) {
		s.Again = againText
	}
	if w.corrected(ctx, s) { // the order is amended when all are taken
		s.row, w.stale = Row{MPP: s.row.MPP}, true
	}
	return earlier
}

// knew reports whether a file is known to have held a slide before.
func (w *Watcher) knew(file string, id pyramid.SlideID) bool {
	before := w.slides[file]
	return before != nil && before.Slide == id || slices.Contains(w.called[file], id)
}

// byFurtherName reports whether a file was known at the start for one that holds a slide, but not as the one that it was
// ordered from: nobody wrote its size and time down, so it is read again, which is no news.
func (w *Watcher) byFurtherName(file string, id pyramid.SlideID) bool {
	return w.entries[file].Slide != id && slices.Contains(w.called[file], id)
}

// corrected reports that the worklist has said something of a slide since its order was made or corrected last.
func (w *Watcher) corrected(ctx context.Context, s *Slide) bool {
	if s.row.File == "" {
		return false
	}
	e, err := w.Judge.Entry(ctx, s.Slide)
	if err != nil {
		w.Log.WarnContext(ctx, "it is not known whether a worklist corrects an order that was made before", "slide", s.Slide, "error", nameless(err))
		return false
	}
	if !together(e.Run, s.State) && !intake.CalledAs(s.File)(e.File) { // the record is that of another case's file
		return false
	}
	return s.row.changed.After(e.Said())
}
