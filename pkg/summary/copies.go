package summary

import (
	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Copy reports whether the row is a further file of a slide that has a row already: it is named, so that nobody looks for
// it, and counted nowhere. What was never taken in for a run has no copies: empty files of many cases hold the same bytes,
// and each of them needs a person.
func (r *Row) Copy() bool { return r.Doubled != "" && r.Run != (pyramid.RunID{}) }

// moreCopies stands for the names that the order's record did not keep.
const moreCopies = "(and more)"

// withCopies adds a row for each further name under which a slide was ordered, unless it has one.
func withCopies(rows []Row) []Row {
	type file struct {
		slide pyramid.SlideID
		name  string
	}
	listed, doubled := map[file]bool{}, map[pyramid.SlideID]bool{}
	for i := range rows {
		listed[file{rows[i].Slide, rows[i].File}] = true
		doubled[rows[i].Slide] = doubled[rows[i].Slide] || rows[i].Doubled != ""
	}
	for _, r := range rows[:len(rows):len(rows)] {
		if r.Doubled != "" || r.Run == (pyramid.RunID{}) {
			continue
		}
		names := r.Names
		if r.MoreNames && !doubled[r.Slide] { // a watched folder lists all of them
			names = append(names[:len(names):len(names)], moreCopies)
		}
		for _, name := range names { // a copy of the same name in a subfolder is told only by a watch, which lists files
			if here := (file{r.Slide, name}); !listed[here] && !intake.SamePath(name, r.File) {
				listed[here] = true
				c := r
				c.File, c.Doubled = name, r.File
				rows = append(rows, c)
			}
		}
	}
	return rows
}
