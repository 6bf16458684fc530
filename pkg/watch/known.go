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
	heard, away := w.heard[s.File]
	switch scale := s.row.MPP; { // the order is amended when all are taken
	case away && s.row.File != "" && w.entries[s.File].Slide == s.Slide:
		s.row, s.row.MPP, w.stale = heard, scale, true
	case w.corrected(ctx, s):
		s.row, w.stale = Row{MPP: scale}, true
	}
	return earlier
}

// heeded is what the order of a file that is known from the ledger was brought to last, of what its row says now: all of it,
// unless the worklist was corrected since; what it said while the file was away is known.
func (w *Watcher) heeded(l *intake.Line, row Row) Row {
	heard, away := w.heard[l.File]
	wrong := w.wrong(l, row)
	switch {
	case away && wrong:
		heard.MPP = 0
		return heard
	case away:
		return heard
	case wrong || row.changed.After(l.Said()):
		return Row{}
	}
	return row
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
