package watch

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// tell says what became of a slide, and moves its file away if it failed and that is wished.
func (w *Watcher) tell(ctx context.Context, s *Slide) {
	level := slog.LevelInfo
	if s.cameToNothing() {
		level = slog.LevelError
		if err := w.putAway(ctx, s); err != nil {
			w.Log.Warn("quarantine", "slide", s.Slide, "error", nameless(err))
		}
	}
	said := *s
	s.Again = "" // it is news once, not at each correction
	if w.Told != nil {
		w.Told(said)
		return
	}
	w.Log.Log(ctx, level, "slide "+s.State, "slide", s.Slide, "reason", cmp.Or(s.Reason, s.Caution))
}

// nameless is what went wrong without the names of files, which may be a patient's and stay out of logs.
func nameless(err error) string { return hide(err, err.Error()) }

// hide takes the names that an error and those in it hold out of a text.
func hide(err error, text string) string {
	switch e := err.(type) {
	case *fs.PathError:
		text = strings.ReplaceAll(text, e.Path, "a file")
	case *os.LinkError:
		text = strings.NewReplacer(e.Old, "a file", e.New, "its place").Replace(text)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			text = hide(inner, text)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			text = hide(inner, text)
		}
	}
	return text
}

// maxNamed bounds the lines that a log names: a sheet of another kind has none that makes sense.
const maxNamed = 20

// log says what is wrong with worklists that were read anew. Their names and cells may be a patient's: terminal and summary
// have them, and a log, which is kept, has their numbers among the CSV files of the folder, by path, and when they were written.
func (l *worklists) log(anew []string, log *slog.Logger) {
	all := slices.Sorted(maps.Keys(l.sheets))
	for _, where := range slices.Sorted(slices.Values(anew)) {
		s, number := l.sheets[where], slices.Index(all, where)+1
		which := log.With("csv", fmt.Sprintf("%d of %d by path", number, len(all)), "written", s.changed.UTC().Format(time.RFC3339))
		if s.foreign {
			which.Warn("a CSV file in the folder names no slides: as a worklist it needs a column called file")
		}
		if n := len(s.problems); n > 0 {
			which.Error("worklist with lines that make no sense; the summary names it and them", "problems", n, "lines", s.lines[:min(len(s.lines), maxNamed)])
		}
	}
}

// follow asks how the open slides stand.
func (w *Watcher) follow(ctx context.Context) error {
	var ids []pyramid.SlideID
	var open []*Slide
	for _, s := range w.slides {
		if !s.ended() {
			ids, open = append(ids, s.Slide), append(open, s)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	standings, err := w.Judge.LookAt(ctx, ids)
	if err != nil {
		return err
	}
	for i, s := range open {
		s.State, s.Reason = standings[i].State, standings[i].Reason
		s.Before, s.recalled = s.recalled && s.ended(), false
		if s.ended() && (s.Doubled == "" || s.Before) { // the end of a copy is its slide's
			if !s.Before { // or it took no turn
				w.Reception.Turns.Left(s.Accession)
			}
			s.Caution = w.caution(ctx, s, &standings[i])
			w.tell(ctx, s)
		}
	}
	return nil
}

// caution says why the result of a slide that has just ended is no statement on it, or nothing if it is one. For those that
// had ended before there is one line for all, and their reports are not read.
func (w *Watcher) caution(ctx context.Context, s *Slide, standing *intake.Standing) string {
	if s.Before || !standing.Done() {
		return ""
	}
	if err := w.Judge.ReadReports(ctx, []*intake.Standing{standing}); err != nil || standing.Report == nil {
		return "its report could not be read: see status" // it is done all the same, and is told of once
	}
	return standing.Report.NoStatement()
}

// Open is how many slides have not ended.
func (w *Watcher) Open() (n int) {
	for _, s := range w.slides {
		if !s.ended() {
			n++
		}
	}
	return n
}

// Slides lists the folder's slides, by file.
func (w *Watcher) Slides() []Slide {
	list := make([]Slide, 0, len(w.slides))
	for _, s := range w.slides {
		one := *s
		one.Accession = w.caseOf(s)
		list = append(list, one)
	}
	sortSlides(list)
	return list
}

// Ignored is how many files were no slides by their names.
func (w *Watcher) Ignored() int { return w.other }

// SheetProblems are the lines of the worklists that made no sense, or that contradict each other.
func (w *Watcher) SheetProblems() []string { return append(w.lists.problems(), w.allDisputes()...) }

// SheetHints are the columns of worklists that are not known, and the CSV files that are no worklists: they may be as they
// were meant, and fail nothing.
func (w *Watcher) SheetHints() []string { return w.lists.hints() }

// Missing are the slides that the worklists name and that have not come, by file.
func (w *Watcher) Missing() []Slide { return w.lists.missing(slices.Collect(maps.Keys(w.files))) }

// Awaited is how many these are.
func (w *Watcher) Awaited() int { return len(w.lists.awaited()) }

// Listed is how many files the worklists name.
func (w *Watcher) Listed() int { return w.lists.named() }
