package watch

import (
	"cmp"
	"context"
	"slices"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// attribute reads the record of a slide that has its order, or came to nothing before, and finds out whether it is another
// folder's, whose case it keeps whatever is said of it here. What is done there is told as the copy that it is; nobody else
// would say how the others end. The record is nil where it cannot be read.
func (w *Watcher) attribute(ctx context.Context, s *Slide) *intake.Entry {
	e, err := w.Judge.Entry(ctx, s.Slide)
	if err != nil {
		w.Log.WarnContext(ctx, "it is not known whether a worklist corrects an order that was made before", "slide", s.Slide, "error", nameless(err))
		return nil
	}
	if s.foreign = !w.holds(&e, s); s.foreign && s.done() {
		s.Doubled, s.Accession = e.File, cmp.Or(s.Accession, e.Accession)
	}
	return &e
}

// holds reports whether a record is that of a file of this folder, so that a row of it counts there. Of ordered slides it is
// the file of that name, too: the folder may have been moved since. What was never fit for an order is of one file only, as
// empty ones of any folder hold the same.
func (w *Watcher) holds(e *intake.Entry, s *Slide) bool {
	here, named := e.Folder == "" || e.Folder == w.folder, intake.CalledAs(s.File)(e.File)
	if together(e.Run, s.State) {
		return here || named
	}
	return here && named
}

// recognise compares a slide that has its order, or came to nothing before, with what was known of its file; before, if not
// nil, is what this watcher took from it last. It reports whether its file was known for it when this watcher began.
func (w *Watcher) recognise(s, before *Slide, e *intake.Entry) (earlier bool) {
	earlier = before == nil && w.byFurtherName(s.File, s.Slide)
	if s.Doubled != "" {
		return earlier
	}
	if s.cameToNothing() && !earlier && w.knew(s.File, s.Slide) {
		s.Again = againText
	}
	heard, known := w.lastHeard(s.File, s.Slide)
	switch scale := s.row.MPP; { // the order is amended when all are taken
	case known:
		s.row, s.row.MPP, w.stale = heard, scale, true
	case e != nil && !s.foreign && s.row.changed.After(e.Said()):
		s.row, w.stale = Row{MPP: scale}, true
	}
	return earlier
}

// lastHeard is what the worklists said of a file when that was heeded last, where this watcher knows: since it took the file,
// which may be away again, or while that was away from the start.
func (w *Watcher) lastHeard(file string, id pyramid.SlideID) (Row, bool) {
	if before := w.slides[file]; before != nil && before.Slide == id && before.Doubled == "" {
		return before.row, true
	}
	heard, away := w.heard[file]
	return heard, away && w.entries[file].Slide == id
}

// heeded is what the order of a file that is known from the ledger was brought to last, of what its row says now: all of it,
// unless the worklist was corrected since; what it said while the file was away is known.
func (w *Watcher) heeded(l *intake.Line, row Row) Row {
	heard, known := w.lastHeard(l.File, l.Slide)
	wrong := w.wrong(l, row)
	switch {
	case known && wrong:
		heard.MPP = 0
		return heard
	case known:
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
