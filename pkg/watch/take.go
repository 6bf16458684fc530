package watch

import (
	"cmp"
	"context"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// fate is what became of a file at one look.
type fate int

const (
	unsettled fate = iota // it is not whole yet, or could not be taken
	done                  // it is taken, now or before
	overdue               // it was not read in its time
)

// consider takes a file that is whole, once.
func (w *Watcher) consider(ctx context.Context, f candidate) (fate, error) {
	s := w.remembered(f)
	if w.doneWith(f, s) {
		return done, nil
	}
	if !s.settled(f, time.Now(), w.Settle) {
		return unsettled, nil
	}
	if w.recall(f) {
		s.taken = true
		w.supersede(ctx, w.slides[f.file], nil)
		return done, nil
	}
	t, err := w.take(ctx, w.request(f, s))
	if err != nil {
		return unsettled, err
	}
	if t.Overdue {
		w.postpone(ctx, f, s, t)
		return overdue, nil
	}
	s.taken, s.overdue, s.again = false, 0, time.Time{}
	if !s.doubted && t.State != intake.Waiting && !t.Known && t.Slide == (pyramid.SlideID{}) {
		s.doubted, s.since = true, time.Now() // it may be half a file that nobody writes to just now
		return unsettled, nil
	}
	s.taken = true
	w.note(ctx, f, t)
	return done, nil
}

// remembered is what is remembered of a file, or begins to be.
func (w *Watcher) remembered(f candidate) *seen {
	s := w.files[f.file]
	if s == nil {
		s = new(seen)
		w.files[f.file] = s
	}
	return s
}

// doneWith reports whether nothing is to be done about a file at this look.
func (w *Watcher) doneWith(f candidate, s *seen) bool {
	return s.taken && !w.replaced(f, s) && !s.isDue(time.Now())
}

// replaced reports that a file without a result was changed, as the reasons ask people to: it is a new one.
func (w *Watcher) replaced(f candidate, s *seen) bool {
	known := w.slides[f.file]
	if known == nil || !known.cameToNothing() || s.size == f.size && s.changed.Equal(f.changed) {
		return false
	}
	s.taken = false
	return true
}

func (w *Watcher) request(f candidate, s *seen) intake.Request {
	q := intake.Request{
		Path: f.path, File: f.file, Doubtful: !s.doubted, Bytes: f.size, Changed: f.changed, Elsewhere: w.elsewhere(f.file),
		Folder: w.folder,
	}
	if row, ok := w.row(f.file, s); ok {
		q.Accession, q.Priority, q.MPP = row.Accession, row.Priority, row.MPP
	}
	return q
}

// row is what the worklists say of a file, and where it is known which slide it holds, of that.
func (w *Watcher) row(file string, s *seen) (Row, bool) {
	if known := w.slides[file]; s.anew && known != nil {
		return w.wish(known)
	}
	return w.lists.find(file)
}

// recall finds a file in the ledger by name, size and time. A damaged one of another folder may have all three.
func (w *Watcher) recall(f candidate) bool {
	e, ok := w.entries[f.file]
	row, listed := w.lists.find(f.file)
	if !ok || e.Bytes != f.size || !e.Changed.Equal(f.changed) || w.rescaled(e, row) || !w.holds(&e.Entry, &Slide{File: f.file, State: endState(&e)}) {
		return false
	}
	s := &Slide{File: f.file, Accession: e.Accession, Priority: e.Priority, Slide: e.Slide, recalled: true, row: w.heeded(&e, row)}
	if listed && !row.says(s.row) {
		w.stale = true // it was corrected while nobody watched
	}
	w.slides[f.file] = s
	w.adopt(s, e.Run)
	return true
}

// rescaled reports that a slide was refused, and would be read with another scale now: the worklist was given one, as the
// reason asks, or --mpp was. It was never ordered, so that taking it again takes nothing twice. Of one that was given up
// nobody knows the scale it was read with; a worklist written since then asks for it anew.
func (w *Watcher) rescaled(l intake.Line, row Row) bool {
	scale := cmp.Or(row.MPP, w.Reception.Parameters.MPP)
	switch {
	case l.Run != (pyramid.RunID{}) || l.End == nil || l.End.State != intake.Refused || scale == 0:
		return false
	case l.Again == nil:
		return row.changed.After(l.At)
	}
	return l.Again.Parameters.MPP != scale
}

// place finds the file that a slide is a copy of, or makes its own the first.
func (w *Watcher) place(s *Slide, t intake.Taken) {
	first, ok := w.first[t.Slide]
	switch ordered := t.State == intake.Waiting && !t.Known; {
	case t.Slide == pyramid.SlideID{}:
	case ok && first != s.File && !ordered:
		s.Doubled = first
	case s.Doubled != "": // of another folder's
	default:
		w.adopt(s, t.Run)
	}
}

func (w *Watcher) note(ctx context.Context, f candidate, t intake.Taken) {
	s := &Slide{File: f.file, Slide: t.Slide, State: t.State, Reason: t.Reason, Priority: jobs.Routine, postponed: t.Overdue}
	if row, ok := w.row(f.file, w.remembered(f)); ok {
		s.Accession, s.Priority, s.row = row.Accession, row.Priority.Known(), row
	}
	if t.Warning != "" {
		w.Log.Warn("scale", "slide", t.Slide, "warning", t.Warning)
	}
	var e *intake.Entry
	known := t.Known && !w.remembered(f).anew
	if known {
		e = w.attribute(ctx, s)
	}
	w.place(s, t)
	before := w.slides[f.file]
	earlier := known && w.recognise(s, before, e)
	w.release(before, s)
	w.slides[f.file] = s
	w.supersede(ctx, s, before)
	if earlier { // as one that was recalled
		s.State, s.Reason, s.recalled = "", "", true
	} else {
		w.tell(ctx, s)
	}
	if w.remembered(f).anew {
		w.saySame(ctx, s, t)
	}
	if w.join(ctx, s, t) != nil {
		w.stale = true // it is tried again when all are taken
	}
}
