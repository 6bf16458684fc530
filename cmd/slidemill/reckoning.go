package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/summary"
	"github.com/slidemill/slidemill/pkg/watch"
)

// reckoning is what a summary accounts for: what was ordered in its time, and what lies in the folder of --folder.
type reckoning struct {
	standings []intake.Standing
	folder    *watch.Inventory
	ended     int       // files of the folder that were ordered before that time and need nobody any more
	open      *bulletin // what is open, and whether somebody goes on with it
}

func (f *summaryFlags) reckon(cmd *cobra.Command, system *reached) (r *reckoning, err error) {
	ctx, judge := cmd.Context(), system.judge()
	judge.Reports, judge.Stages = true, true
	r = &reckoning{}
	if r.standings, err = judge.LookAll(ctx, time.Now().Add(-f.since)); err != nil {
		return nil, err
	}
	if r.folder, err = f.inventory(cmd, system); err != nil {
		return nil, err
	}
	before, ended, err := earlier(ctx, judge, r.standings, r.folder.Ordered)
	if err != nil {
		return nil, err
	}
	r.standings, r.ended = append(r.standings, before...), ended
	r.open, err = f.unfinished(ctx, system, r.standings)
	return r, err
}

// earlier are the slides of the folder that were ordered before the summary's time and that a person may still have to look
// after: their files lie there, and without a row nobody would know what became of them. ended is how many files hold others.
func earlier(ctx context.Context, judge *intake.Judge, since []intake.Standing, files []watch.Slide) (open []intake.Standing, ended int, err error) {
	listed, held := map[pyramid.SlideID]bool{}, map[pyramid.SlideID]int{}
	for i := range since {
		listed[since[i].Slide] = true
	}
	for _, file := range files {
		if !listed[file.Slide] {
			held[file.Slide]++
		}
	}
	all, err := judge.LookAt(ctx, slices.Collect(maps.Keys(held)))
	for i := range all {
		if s := &all[i]; s.Open() || s.Bad() && !s.GivenUp {
			open = append(open, *s)
		} else {
			ended += held[s.Slide]
		}
	}
	return open, ended, err
}

// unfinished finds out which open slides go on by themselves, as status does: a script that waits for all to end would wait
// for ever for one that was interrupted, or that nobody works on. Those say so in the summary.
func (f *summaryFlags) unfinished(ctx context.Context, system *reached, standings []intake.Standing) (*bulletin, error) {
	b := &bulletin{system: system, judge: system.judge(), flags: &statusFlags{place: f.place}, standings: standings}
	for i := range standings {
		if standings[i].Open() {
			b.open++
		}
	}
	err := b.strand(ctx)
	idle := system.idle(&f.place, len(b.waiting))
	for i := range standings {
		switch s := &standings[i]; {
		case b.stranded[s.Slide]:
			s.Reason = "Interrupted, and in no queue. Give the same `slidemill run` again, and it goes on where it stopped; or order it with `slidemill submit`."
		case b.waiting[s.Slide] && idle != "":
			s.Reason = idle
		}
	}
	return b, err
}

// unordered are the slides that nobody looks at unless somebody reads of them.
func (r *reckoning) unordered() []watch.Slide {
	return slices.Concat(r.folder.Missing, r.folder.NotOrdered)
}

func (r *reckoning) rows() []summary.Row {
	return append(rowsOf(r.standings, r.folder.Ordered), missingRows(r.unordered())...)
}

// rowsOf is a row for each slide, and for each file of the folder that holds it one by its own name and accession.
func rowsOf(standings []intake.Standing, files []watch.Slide) (rows []summary.Row) {
	held := map[pyramid.SlideID][]watch.Slide{}
	for _, file := range files {
		held[file.Slide] = append(held[file.Slide], file)
	}
	for _, s := range standings {
		if !slices.ContainsFunc(held[s.Slide], func(file watch.Slide) bool { return file.Doubled == "" }) { // it lies elsewhere
			rows = append(rows, summary.Row{Standing: s})
		}
		for _, file := range held[s.Slide] {
			row := summary.Row{Standing: s, Doubled: file.Doubled}
			row.File, row.Accession = file.File, file.Accession
			rows = append(rows, row)
		}
	}
	return rows
}

// tell names what is wrong about the folder, and counts what is left out of the summary.
func (r *reckoning) tell(out io.Writer) {
	var lines []string
	for _, s := range r.unordered() {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", s.File, s.State, s.Reason))
	}
	tellSome(out, lines)
	tellSome(out, r.folder.Problems)
	if n := r.folder.Writing; n > 0 {
		fmt.Fprintf(out, "%s in the folder changed in the last %v and may still be being written: left out until then\n", count(n, "file"), watch.DefaultSettle)
	}
	if r.ended > 0 {
		fmt.Fprintf(out, "%s in the folder, ordered earlier and done, cancelled or given up: left out; a longer --since lists them\n", count(r.ended, "file"))
	}
}

// maxTold bounds what the terminal names: in a folder that was never watched that is each slide.
const maxTold = 20

func tellSome(out io.Writer, lines []string) {
	for _, line := range lines[:min(len(lines), maxTold)] {
		fmt.Fprintln(out, line)
	}
	if more := len(lines) - maxTold; more > 0 {
		fmt.Fprintf(out, "and %d more, in the summary\n", more)
	}
}

// verdict is how the command ends. What needs a person comes before what only needs time.
func (r *reckoning) verdict(s *summary.Summary) error {
	switch c := s.Count(); {
	case c.Bad()+len(s.Problems)+len(r.open.stranded) > 0:
		return errSlidesFailed
	case c.Open+r.folder.Writing > 0:
		return errUnfinished
	}
	return nil
}
