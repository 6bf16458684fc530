package watch

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// correct brings what the worklists say by now to the slides that were taken before. A correction that the
// system does not take now is tried again at the next look.
func (w *Watcher) correct(ctx context.Context) (err error) {
	if !w.stale {
		return nil
	}
	for file := range w.entries { // ordered from this folder before, wherever the file is now
		w.lists.saw(file)
		w.sayAbsent(ctx, file)
		err = errors.Join(err, w.amendAbsent(ctx, file))
	}
	for _, s := range w.slides {
		if s.Doubled == "" { // the others' rows count for it
			err = errors.Join(err, w.amend(ctx, s))
		}
	}
	w.stale = err != nil
	return err
}

// amendAbsent brings what the worklist says to the order of a slide that was taken from this folder before and is away, as
// in quarantine: tried again from there it would be done as another case's, or as if nobody were in a hurry. A line that
// says what it said is no news, however often its worklist is written: what somebody ordered by hand since then stays.
func (w *Watcher) amendAbsent(ctx context.Context, file string) error {
	l := w.entries[file]
	row, listed := w.lists.find(file)
	heard, again := w.heard[file]
	if !listed || w.files[file] != nil || l.Folder != w.folder || again && row.says(heard) {
		return nil
	}
	if row.changed.After(l.Said()) { // or it is not after what the record says by now, either
		if counts, err := w.amendAway(ctx, l, heard, row); !counts || err != nil {
			return err
		}
	}
	if w.heard == nil {
		w.heard = map[string]Row{}
	}
	w.heard[file] = row
	return nil
}

// amendAway has a record heed what a row says now and did not say when it was heard before. Somebody may have said something
// of the slide since then. It reports whether the row counts there: the record may have become that of another file.
func (w *Watcher) amendAway(ctx context.Context, l intake.Line, heard, row Row) (counts bool, err error) {
	e, err := w.Judge.Entry(ctx, l.Slide)
	if err != nil || !w.isStill(&e, l.File) {
		return false, err
	}
	if !row.changed.After(e.Said()) {
		return true, nil
	}
	q := intake.Request{File: l.File, Asked: row.changed}
	if row.Accession != heard.Accession {
		q.Accession = row.Accession
	}
	if row.Priority != heard.Priority {
		q.Priority = row.Priority
	}
	said, err := w.Reception.Amend(ctx, l.Slide, q)
	if err != nil {
		return false, err
	}
	l.Accession = cmp.Or(q.Accession, e.Accession) // which it is told with when it comes back
	w.entries[l.File] = l
	w.announce(ctx, Slide{File: l.File, Slide: l.Slide, Accession: l.Accession, Priority: e.Priority}, said)
	return true, nil
}

// isStill reports whether a record is that of a file which is away. An order by hand calls it by the last part of its name;
// by that other files of the folder may hold the slide, and then theirs are the rows that count.
func (w *Watcher) isStill(e *intake.Entry, file string) bool {
	named := intake.CalledAs(file)
	if e.Folder != w.folder {
		return false
	}
	return named(e.File) || e.Run != (pyramid.RunID{}) && e.Called(named) && !w.elsewhere(file)(e.Slide)
}

// heed does what a slide's row says now.
func (w *Watcher) heed(ctx context.Context, s *Slide, row Row) error {
	again, err := w.again(ctx, s, row)
	if again || err != nil {
		return err
	}
	var said []string
	if s.Slide != (pyramid.SlideID{}) && !s.foreign {
		q := intake.Request{File: s.File, Accession: row.Accession, MPP: row.MPP, Asked: row.changed}
		if w.lies(s.File) {
			q.Path = w.path(s.File)
		}
		if row.Priority != s.row.Priority { // or what came too late would be said at every correction
			q.Priority = row.Priority
		}
		if said, err = w.Reception.Amend(ctx, s.Slide, q); err != nil {
			return err
		}
	}
	s.row = row
	if row.Accession != "" && row.Accession != s.Accession {
		if !s.ended() { // it is another case's turn that it takes now
			w.Reception.Turns.Left(s.Accession)
			w.Reception.Turns.Next(row.Accession)
		}
		s.Accession = row.Accession
	}
	if row.Priority != "" {
		s.Priority = row.Priority
	}
	if own, _ := w.lists.find(s.File); len(said) > 0 && !own.says(row) {
		said = append(said, "as the worklist says of another file that holds the same slide")
	}
	w.announce(ctx, *s, said)
	return nil
}

// again takes a slide once more that was refused, when the worklist has a scale for it now. One that somebody ordered by
// hand meanwhile is not: it is amended as other orders are.
func (w *Watcher) again(ctx context.Context, s *Slide, row Row) (bool, error) {
	switch {
	case row.MPP == 0, row.MPP == s.row.MPP, s.foreign && s.State != intake.Refused:
		return false, nil
	case s.State != intake.Refused:
		return w.rerun(ctx, s, row)
	}
	now, err := w.Judge.LookAt(ctx, []pyramid.SlideID{s.Slide})
	if err != nil || now[0].Run != (pyramid.RunID{}) {
		return false, err
	}
	s.row = row
	for _, one := range w.twins(s) {
		w.takeAnew(one)
	}
	if w.Quarantine != "" && len(w.twins(s)) == 1 {
		w.announce(ctx, *s, []string{"the worklist gives its scale now: move its file back from quarantine, and it is taken"})
	}
	return true, nil
}

// takeAnew takes a file once more, if it is there.
func (w *Watcher) takeAnew(s *Slide) {
	if seen := w.files[s.File]; seen != nil {
		seen.taken, seen.anew = false, true
		delete(w.entries, s.File) // or it would be recalled as it was
		if w.lies(s.File) {
			w.anew++
		}
	}
}

// path is where a file of the folder lies.
func (w *Watcher) path(file string) string { return filepath.Join(w.Dir, filepath.FromSlash(file)) }

// announce tells what a correction changed. Accessions stay out of the log.
func (w *Watcher) announce(ctx context.Context, s Slide, said []string) {
	if len(said) == 0 {
		return
	}
	s.Note = strings.Join(said, "; ")
	if w.Told != nil {
		w.Told(s)
		return
	}
	w.Log.InfoContext(ctx, "slide corrected by the worklist", "slide", s.Slide, "changes", len(said))
}
