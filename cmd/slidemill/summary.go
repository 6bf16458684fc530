package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

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
nothing. With --folder it also names the slides that the folder's worklists (CSV) name and that
never came. It names files and accessions: keep it where your other lists lie.

Exit codes: 0 all is well, 1 at least one slide failed, was refused or is missing, or a line of a
worklist makes no sense, 2 usage.`,
		Example: "  slidemill summary --since 12h --out morning\n  slidemill summary --folder /scans",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return writeSummary(cmd, &f) },
	}
	f.place.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "folder of the two files (default: DATA/summary)")
	fl.StringVar(&f.folder, "folder", "", "the watched folder, whose worklists say what should be there")
	spanFlag(cmd, &f.since, "since", 18*time.Hour, "how far back to look")
	return cmd
}

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
	rows := make([]summary.Row, len(standings))
	for i, s := range standings {
		rows[i].Standing = s
	}
	absent, problems, err := f.absent(ctx, system, f.logger(cmd, slog.LevelWarn))
	if err != nil {
		return err
	}
	s, err := summary.New(ctx, append(rows, missingRows(absent)...), summary.Previews(system.bucket))
	if err != nil {
		return err
	}
	s.Problems = problems
	html, err := s.Save(summaryFolder(f.data, f.out))
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", s.Headline(), html)
	if s.Count().Bad() > 0 || len(problems) > 0 {
		return errSlidesFailed
	}
	return nil
}

// absent are the slides that the worklists of --folder name and that were never there, and the lines of these worklists
// that make no sense.
func (f *summaryFlags) absent(ctx context.Context, system *reached, log *slog.Logger) (slides []watch.Slide, problems []string, err error) {
	if f.folder == "" {
		return nil, nil, nil
	}
	lines, err := system.ledger().Lines(ctx, time.Time{})
	if err != nil {
		return nil, nil, err
	}
	var files []string
	for _, l := range lines {
		files = append(append(files, l.File), l.Names...)
	}
	return watch.Absent(ctx, f.folder, files, log)
}
