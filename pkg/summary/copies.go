package summary

import (
	"slices"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Copy reports whether the row is a further file of a slide that has a row already: it is named, so that nobody looks for
// it, and counted nowhere. What was never taken in for a run has no copies: empty files of many cases hold the same bytes,
// and each of them needs a person.
func (r *Row) Copy() bool { return r.Doubled != "" && r.Run != (pyramid.RunID{}) }

// moreCopies stands for the names that the order's record did not keep.
const moreCopies = "(and more)"

// withCopies adds a row for each further name under which a slide was ordered, unless it has one. A folder's files have
// rows already, with more of their path than `run` and `submit` write down.
func withCopies(rows []Row) []Row {
	listed, doubled := map[pyramid.SlideID][]string{}, map[pyramid.SlideID]bool{}
	for i := range rows {
		listed[rows[i].Slide] = append(listed[rows[i].Slide], rows[i].File)
		doubled[rows[i].Slide] = doubled[rows[i].Slide] || rows[i].Doubled != ""
	}
	for _, r := range rows[:len(rows):len(rows)] {
		if r.Doubled != "" || r.Run == (pyramid.RunID{}) {
			continue
		}
		names := r.Names
		if r.MoreNames && !doubled[r.Slide] { // a folder lists all of them
			names = append(names[:len(names):len(names)], moreCopies)
		}
		for _, name := range names { // a copy of the same name in a subfolder is told only where a folder lists files
			if !slices.ContainsFunc(listed[r.Slide], func(file string) bool { return intake.SamePath(name, file) }) {
				listed[r.Slide] = append(listed[r.Slide], name)
				c := r
				c.File, c.Doubled = name, r.File
				rows = append(rows, c)
			}
		}
	}
	return rows
}
