package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/summary"
	"github.com/slidemill/slidemill/pkg/watch"
)

// summaryFlags is what `summary` can be told.
type summaryFlags struct {
	place
	out, folder string
	since       time.Duration
}

func newSummary() *cobra.Command {
	var f summaryFlags
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "The morning summary of a night's orders, as HTML and CSV",
		Long: `Summary writes summary.html and summary.csv: every slide ordered in the time, done,
failed or refused and why, how long it took, with its picture; and its copies, which count for
nothing. With --folder each slide file of the folder is accounted for, by its own name and
accession: what became of the slide that it holds, ordered under that name or another one, or that
nobody ordered it (not ordered), but for what changed in the last 30 seconds: a scanner may still
be writing it. Those that were ordered before that time and need nobody any more are counted. The
slides that the folder's worklists (CSV) name and that never came are named (missing). It names files
and accessions: keep it where your other lists lie.

Areas are in mm². carcinoma_fraction is the share of the tissue that is not uncertain. What each
column of the CSV means, with its unit, is in docs/summary.md.

Exit codes: 0 all slides have ended and none needs a person for want of a result, 1 at least one
slide failed, was refused, was interrupted, is missing or was not ordered, or a line of a worklist
makes no sense, 2 usage, 3 nothing of that, but some slides are not finished or still being
written: ask again later.`,
		Example: "  slidemill summary --since 12h --out morning\n  slidemill summary --folder /scans\n  while slidemill summary; [ $? = 3 ]; do sleep 600; done",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return writeSummary(cmd, &f) },
	}
	f.place.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "folder of the two files (default: DATA/summary)")
	fl.StringVar(&f.folder, "folder", "", "the watched folder, whose slides and worklists say what should be there")
	spanFlag(cmd, &f.since, "since", aNight, "how far back to look")
	return cmd
}

// aNight is how far back a summary looks, if nobody says otherwise: from the evening before to the next noon.
const aNight = 18 * time.Hour

func writeSummary(cmd *cobra.Command, f *summaryFlags) (err error) {
	ctx := cmd.Context()
	system, err := f.visit(ctx)
	if err != nil {
		return err
	}
	defer closing(&err, system.close)
	judge := system.judge()
	judge.Reports, judge.Stages = true, true
	standings, err := judge.LookAll(ctx, time.Now().Add(-f.since))
	if err != nil {
		return err
	}
	folder, err := f.inventory(cmd, system)
	if err != nil {
		return err
	}
	before, ended, err := earlier(ctx, system.judge(), standings, folder.Ordered)
	if err != nil {
		return err
	}
	standings = append(standings, before...)
	open, err := f.unfinished(ctx, system, standings)
	if err != nil {
		return err
	}
	unordered := slices.Concat(folder.Missing, folder.NotOrdered)
	rows := append(rowsOf(standings, folder.Ordered), missingRows(unordered)...)
	s, err := summary.New(ctx, rows, summary.Previews(system.bucket))
	if err != nil {
		return err
	}
	s.Problems = folder.Problems
	html, err := s.Save(summaryFolder(f.data, f.out))
	if err != nil {
		return err
	}
	tellUnordered(cmd.ErrOrStderr(), unordered)
	tellSome(cmd.ErrOrStderr(), s.Problems)
	if n := folder.Writing; n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s in the folder changed in the last %v and may still be being written: left out until then\n", count(n, "file"), watch.DefaultSettle)
	}
	if ended > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s in the folder, ordered earlier and done, cancelled or given up: left out; a longer --since lists them\n", count(ended, "file"))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", s.Headline(), html)
	open.sayStranded(cmd.ErrOrStderr())
	system.sayIdle(cmd.ErrOrStderr(), &f.place, open.waiting)
	switch count := s.Count(); {
	case count.Bad()+len(s.Problems)+len(open.stranded) > 0:
		return errSlidesFailed
	case count.Open+folder.Writing > 0:
		return errUnfinished
	}
	return nil
}

// unfinished finds out which open slides go on by themselves, as status does: a script that waits for all to end would wait
// for ever for one that was interrupted. Those say so in the summary.
func (f *summaryFlags) unfinished(ctx context.Context, system *reached, standings []intake.Standing) (*bulletin, error) {
	b := &bulletin{system: system, judge: system.judge(), flags: &statusFlags{place: f.place}, standings: standings}
	for i := range standings {
		if standings[i].Open() {
			b.open++
		}
	}
	err := b.strand(ctx)
	for i := range standings {
		if b.stranded[standings[i].Slide] {
			standings[i].Reason = "Interrupted, and in no queue. Give the same `slidemill run` again, and it goes on where it stopped; or order it with `slidemill submit`."
		}
	}
	return b, err
}

// inventory is what the orders say of the folder of --folder.
func (f *summaryFlags) inventory(cmd *cobra.Command, system *reached) (*watch.Inventory, error) {
	ctx := cmd.Context()
	if f.folder == "" {
		return &watch.Inventory{}, nil
	}
	lines, err := system.ledger().Lines(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	own := []string{f.data, summaryFolder(f.data, f.out)}
	if folder := f.storeFolder(); folder != "" {
		own = append(own, folder)
	}
	c := watch.Config{Dir: f.folder, Skip: own, Settle: watch.DefaultSettle, Log: f.logger(cmd, slog.LevelWarn)}
	m := newMeter(cmd.ErrOrStderr())
	m.begin(f.folder)
	defer m.finish()
	return watch.TakeInventory(ctx, c, lines, func(done, total int64) { m.set("read", "kB", kilobytes(done), kilobytes(total)) })
}

// kilobytes rounds up: of small files, too, there is something to read.
func kilobytes(bytes int64) int64 { return (bytes + 1<<10 - 1) >> 10 }

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

// tellUnordered names those that nobody looks at unless somebody reads it here.
func tellUnordered(out io.Writer, slides []watch.Slide) {
	lines := make([]string, len(slides))
	for i, s := range slides {
		lines[i] = fmt.Sprintf("%s: %s: %s", s.File, s.State, s.Reason)
	}
	tellSome(out, lines)
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
