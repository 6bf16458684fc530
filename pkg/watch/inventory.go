package watch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Inventory is what the orders say of each slide file of a folder, and where the two do not agree.
type Inventory struct {
	// Ordered lie in the folder, each file by itself, and hold what was ordered, under that name or another one. How the
	// order stands the ledger knows; they have no State.
	Ordered    []Slide
	Missing    []Slide  // the worklists name them, and they are neither in the folder nor were ordered from it before
	NotOrdered []Slide  // they lie in the folder, and nobody ordered them or what they hold
	Writing    int      // files that changed within Settle: a scanner may still be writing them, and nobody could have ordered them
	Problems   []string // lines of the worklists that make no sense or contradict each other
}

// TakeInventory compares the folder c.Dir, without c.Skip, with all orders. It takes nothing in. A folder that does not
// answer is an error.
func TakeInventory(ctx context.Context, c Config, orders []intake.Line) (*Inventory, error) {
	return (&Watcher{Config: c}).inventory(ctx, orders)
}

func (w *Watcher) inventory(ctx context.Context, orders []intake.Line) (*Inventory, error) {
	s, err := begin(w.look(ctx)).wait(ctx, folderSilence)
	if err == nil {
		err = s.err
	}
	if err != nil {
		return nil, err
	}
	w.lists, w.slides, w.entries = s.lists, map[string]*Slide{}, map[string]intake.Line{}
	w.first, w.copies = map[pyramid.SlideID]string{}, map[pyramid.SlideID][]string{}
	for _, l := range orders {
		for _, name := range append([]string{l.File}, l.Names...) {
			w.lists.saw(name)
			w.entries[name] = l // a mask is known by the slide beside it, which may be put away by now
		}
	}
	files := make([]string, len(s.found))
	for i, f := range s.found {
		files[i] = f.file
	}
	found := &Inventory{Missing: w.lists.missing(files)}
	if err := w.account(ctx, found, w.withoutMasks(s.found), orders); err != nil {
		return nil, err
	}
	found.Ordered, found.Problems = w.Slides(), w.SheetProblems()
	return found, nil
}

// account finds out of each file what it was ordered as.
func (w *Watcher) account(ctx context.Context, found *Inventory, files []candidate, orders []intake.Line) error {
	index, now := newOrderIndex(files, orders), time.Now()
	whole := slices.DeleteFunc(files, func(f candidate) bool { return index.certain(f) == nil && f.beingWritten(now, w.Settle) })
	found.Writing = len(files) - len(whole)
	ordered, err := index.find(ctx, whole)
	if err != nil {
		return err
	}
	holders := map[*intake.Line][]candidate{}
	for i, f := range whole {
		if l := ordered[i]; l != nil {
			holders[l] = append(holders[l], f)
		} else {
			found.NotOrdered = append(found.NotOrdered, w.notOrdered(f, index))
		}
	}
	for l, files := range holders {
		w.hold(l, files)
	}
	sortSlides(found.NotOrdered)
	return nil
}

// beingWritten reports whether a file changed so lately that a watch would not take it yet. A clock that is wrong by more
// than that hides nothing.
func (f candidate) beingWritten(now time.Time, settle time.Duration) bool {
	return now.Sub(f.changed).Abs() < settle
}

// notOrdered is a file that no order means.
func (w *Watcher) notOrdered(f candidate, index *orderIndex) Slide {
	s := Slide{File: f.file, Priority: jobs.Routine, State: intake.NotOrdered, Reason: index.why(f)}
	if row, listed := w.lists.find(f.file); listed {
		s.Accession, s.Priority = row.Accession, row.Priority.Known()
	}
	return s
}

// hold notes the files that hold what one order was made of, as if a watch had taken them: one is the slide, and the others
// are further files of it. Files that were never fit for an order have a case each, whatever the record of their bytes says
// of one of them.
func (w *Watcher) hold(l *intake.Line, files []candidate) {
	first, one := firstOf(l, files), together(l.Run, endState(l))
	w.first[l.Slide] = first
	for _, f := range files {
		own, _ := w.lists.find(f.file)
		s := &Slide{File: f.file, Slide: l.Slide, Accession: own.Accession, Priority: l.Priority.Known(), row: own}
		w.slides[f.file] = s
		if f.file != first {
			s.Doubled = first
		}
		switch {
		case one:
			s.Accession = l.Accession
		case s.Doubled == "":
			s.Accession = cmp.Or(own.Accession, l.Accession)
		}
		if one && s.Doubled != "" {
			w.addCopy(s)
		}
	}
	if s := w.slides[first]; s != nil && s.Accession == "" { // ordered by hand, without one
		row, _ := w.wish(s)
		s.Accession = row.Accession
	}
}

// endState is how an order ended without a result, if it did.
func endState(l *intake.Line) string {
	if l.End == nil {
		return ""
	}
	return l.End.State
}

// firstOf is the file that an order was made of, by the name that it has below the folder, where it lies there.
func firstOf(l *intake.Line, files []candidate) string {
	for _, is := range []func(name string) bool{
		func(name string) bool { return name == l.File },
		func(name string) bool { return intake.SamePath(name, l.File) },
	} {
		for _, f := range files {
			if slices.ContainsFunc(f.names(), is) {
				return f.file
			}
		}
	}
	return l.File
}
