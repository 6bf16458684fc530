package watch

import (
	"cmp"
	"context"
	"slices"

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
// answer is an error. Files that only their content can tell are read, which may take long: told, if not nil, hears how many
// bytes of how many have been, one call at a time.
func TakeInventory(ctx context.Context, c Config, orders []intake.Line, told func(done, total int64)) (*Inventory, error) {
	if err := isFolder(ctx, c.Dir); err != nil {
		return nil, err
	}
	mark, err := folderMark(c.Dir)
	if err != nil {
		return nil, err
	}
	return (&Watcher{Config: c, folder: mark}).inventory(ctx, orders, told)
}

func (w *Watcher) inventory(ctx context.Context, orders []intake.Line, told func(done, total int64)) (*Inventory, error) {
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
	all := w.withoutMasks(s.found)
	index := newOrderIndex(all, orders)
	whole := index.whole(all, w.Settle)
	ordered, err := index.find(ctx, whole, told)
	if err != nil {
		return nil, err
	}
	found.Writing, found.NotOrdered = len(all)-len(whole), w.account(whole, ordered, index)
	found.Ordered, found.Problems = w.Slides(), w.SheetProblems()
	return found, nil
}

// account notes what files were ordered as, and returns those that were not.
func (w *Watcher) account(files []candidate, ordered []*intake.Line, index *orderIndex) (not []Slide) {
	holders := map[*intake.Line][]candidate{}
	for i, f := range files {
		if l := ordered[i]; l != nil {
			holders[l] = append(holders[l], f)
		} else {
			not = append(not, w.notOrdered(f, index))
		}
	}
	for l, files := range holders {
		w.hold(l, files)
	}
	sortSlides(not)
	return not
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
	first, one := w.firstOf(l, files), together(l.Run, endState(l))
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

// firstOf is the file that an order was made of, by the name that it has below the folder, where it lies there. One that was
// ordered from this folder and does not lie there by its name was renamed: of those that hold it, it is rather the one of
// its time. Of one that was ordered from elsewhere nobody knows whether it still is there.
func (w *Watcher) firstOf(l *intake.Line, files []candidate) string {
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
	if l.Folder == "" || l.Folder != w.folder || !together(l.Run, endState(l)) {
		return l.File
	}
	renamed := max(0, slices.IndexFunc(files, func(f candidate) bool { return f.unchangedSince(l) }))
	return files[renamed].file
}
