package watch

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// twins are the files that hold one slide, the one that it was taken from first.
func (w *Watcher) twins(s *Slide) []*Slide {
	all := []*Slide{s}
	for _, file := range w.copies[s.Slide] {
		if other := w.slides[file]; file != s.File && other != nil && other.Slide == s.Slide {
			all = append(all, other)
		}
	}
	return all
}

// wish is what the worklists ask for of a slide. Which of its files is taken first depends on their names, so a row of any
// of them counts.
func (w *Watcher) wish(s *Slide) (row Row, listed bool) {
	rows := w.rows(s)
	if len(rows) == 0 {
		return Row{}, false
	}
	return agreed(rows, s.Accession), true
}

// rows are those of a slide's files.
func (w *Watcher) rows(s *Slide) (rows []Row) {
	for _, one := range w.twins(s) {
		if row, ok := w.lists.find(one.File); ok {
			rows = append(rows, row)
		}
	}
	return rows
}

// agreed is what rows of one slide ask for together. The most urgent of them is in a hurry for all; of scales the first
// counts, and of accessions that of the order: a slide does not change its case while somebody says that it is right there.
func agreed(rows []Row, ordered string) Row {
	one := rows[0]
	for _, row := range rows[1:] {
		one.Accession, one.MPP = cmp.Or(one.Accession, row.Accession), cmp.Or(one.MPP, row.MPP)
		if one.Priority == "" || row.Priority != "" && urgency(row.Priority) < urgency(one.Priority) {
			one.Priority = row.Priority
		}
	}
	if ordered != "" && slices.ContainsFunc(rows, func(row Row) bool { return row.Accession == ordered }) {
		one.Accession = ordered
	}
	return one
}

func urgency(p jobs.Priority) int { return slices.Index(jobs.Priorities(), p.Known()) }

// elsewhere tells of slides that were taken from another file: they have their order, whatever scale this one's row gives.
func (w *Watcher) elsewhere(file string) func(pyramid.SlideID) bool {
	return func(id pyramid.SlideID) bool {
		first, ok := w.first[id]
		return ok && first != file
	}
}

// join has the row of a further file of a slide count for the slide's order. Damaged files of many cases may hold the same
// bytes: those have no order and nothing in common.
func (w *Watcher) join(ctx context.Context, s *Slide, t intake.Taken) error {
	first := w.slides[s.Doubled]
	if first == nil || first.Slide != s.Slide || !together(t.Run, t.State) {
		return nil
	}
	w.addCopy(s)
	e, known := w.entries[first.File]
	said := known && e.Slide == s.Slide && e.Called(func(name string) bool { return name == s.File }) && !s.row.changed.After(e.Said())
	if row, listed := w.wish(first); listed && said && t.State != intake.Waiting { // at an earlier start, and that it came too late
		first.row.Priority, first.row.MPP = row.Priority, row.MPP
	}
	return w.amend(ctx, first)
}

// together reports whether files that hold the same bytes are one slide.
func together(run pyramid.RunID, state string) bool {
	return run != pyramid.RunID{} || state == intake.Refused
}

func (w *Watcher) addCopy(s *Slide) {
	if !slices.Contains(w.copies[s.Slide], s.File) {
		w.copies[s.Slide] = append(w.copies[s.Slide], s.File)
	}
}

// caseOf is the accession that a file is told with, in each list and whoever makes it: of the file that was ordered the
// order's, which its rows were brought to. A further file of a slide has what a worklist says of that very file, which is
// what somebody looks it up by, though it does not count where it contradicts the order; without a row it has the order's.
// Files that were never fit for an order have no case in common.
func (w *Watcher) caseOf(s *Slide) string {
	if s.Doubled == "" {
		return s.Accession
	}
	row, _ := w.lists.find(s.File)
	if first := w.slides[s.Doubled]; first != nil && slices.Contains(w.copies[s.Slide], s.File) {
		return cmp.Or(row.Accession, first.Accession)
	}
	return cmp.Or(row.Accession, s.Accession)
}

// adopt makes a file the one that its slide was ordered from. Another one that was read before, or refused because the
// worklist gives only this one a scale, is its copy from now on.
func (w *Watcher) adopt(s *Slide, run pyramid.RunID) {
	other := w.slides[w.first[s.Slide]]
	w.first[s.Slide] = s.File
	if other == nil || other.File == s.File || other.Slide != s.Slide || !together(run, s.State) {
		return
	}
	other.Doubled, w.stale = s.File, true
	if other.State == intake.Refused {
		other.State, other.Reason = s.State, s.Reason
	}
	w.addCopy(other)
}

// amend brings what the worklists say of a slide by now to its order.
func (w *Watcher) amend(ctx context.Context, s *Slide) error {
	row, listed := w.wish(s)
	if !listed {
		return nil
	}
	if disputed := len(w.disputes(s)) > 0; disputed != s.disputed {
		if s.disputed = disputed; disputed { // the summary names files and accessions, which no log may
			w.Log.Error("the worklists contradict each other about files that hold the same slide; the summary names them", "slide", s.Slide)
		}
	}
	if row.says(s.row) {
		return nil
	}
	return w.heed(ctx, s, row)
}

// disputes are the rows of a slide's files that contradict what counts.
func (w *Watcher) disputes(s *Slide) (list []string) {
	rows := w.rows(s)
	if len(rows) < 2 {
		return nil
	}
	one := agreed(rows, s.Accession)
	for _, row := range rows {
		if row.Accession != "" && row.Accession != one.Accession {
			list = append(list, row.overruled("accession "+row.Accession, one.Accession))
		}
		if row.MPP != 0 && row.MPP != one.MPP {
			list = append(list, row.overruled(fmt.Sprintf("scale of %g µm", row.MPP), fmt.Sprintf("%g µm", one.MPP)))
		}
	}
	return list
}

// overruled says that what a row says of a slide does not count.
func (r Row) overruled(says, counts string) string {
	return fmt.Sprintf("%s, line %d: %s holds the same slide as another file; its %s does not count, but %s: see which is right, and correct the other line", r.sheet, r.Line, r.File, says, counts)
}

// allDisputes are those of all slides, in order.
func (w *Watcher) allDisputes() (list []string) {
	for id := range w.copies {
		if s := w.slides[w.first[id]]; s != nil && s.Slide == id {
			list = append(list, w.disputes(s)...)
		}
	}
	slices.Sort(list)
	return list
}
