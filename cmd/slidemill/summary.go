package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
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
never came (missing), and those that lie in the folder and that nobody ordered (not ordered),
but for what changed in the last 30 seconds: a scanner may still be writing it. It names files
and accessions: keep it where your other lists lie.

Areas are in mm². carcinoma_fraction is the share of the tissue that is not uncertain. What each
column of the CSV means, with its unit, is in docs/summary.md.

Exit codes: 0 all is well, 1 at least one slide failed, was refused, is missing or was not
ordered, or a line of a worklist makes no sense, 2 usage.`,
		Example: "  slidemill summary --since 12h --out morning\n  slidemill summary --folder /scans",
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
	rows := make([]summary.Row, len(standings))
	for i, s := range standings {
		rows[i].Standing = s
	}
	folder, err := f.inventory(ctx, system, f.logger(cmd, slog.LevelWarn))
	if err != nil {
		return err
	}
	writing := f.leaveOutWriting(folder)
	unordered := slices.Concat(folder.Missing, folder.NotOrdered)
	s, err := summary.New(ctx, append(rows, missingRows(unordered)...), summary.Previews(system.bucket))
	if err != nil {
		return err
	}
	s.Problems = folder.Problems
	html, err := s.Save(summaryFolder(f.data, f.out))
	if err != nil {
		return err
	}
	tellUnordered(cmd.ErrOrStderr(), unordered)
	if writing > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s in the folder changed in the last %v and may still be being written: left out until then\n", count(writing, "file"), watch.DefaultSettle)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", s.Headline(), html)
	if s.Count().Bad() > 0 || len(s.Problems) > 0 {
		return errSlidesFailed
	}
	return nil
}

// inventory is what the folder of --folder lacks, and what lies in it and was never ordered.
func (f *summaryFlags) inventory(ctx context.Context, system *reached, log *slog.Logger) (*watch.Inventory, error) {
	if f.folder == "" {
		return &watch.Inventory{}, nil
	}
	lines, err := system.ledger().Lines(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	orders := make([]intake.Entry, len(lines))
	for i, l := range lines {
		orders[i] = l.Entry
	}
	own := []string{f.data, summaryFolder(f.data, f.out)}
	if folder := f.storeFolder(); folder != "" {
		own = append(own, folder)
	}
	return watch.TakeInventory(ctx, watch.Config{Dir: f.folder, Skip: own, Log: log}, orders)
}

// leaveOutWriting takes out of the inventory what a scanner may still be writing, and a watch would not have taken yet:
// nobody could have ordered it. It returns how many there are.
func (f *summaryFlags) leaveOutWriting(folder *watch.Inventory) int {
	all, now := len(folder.NotOrdered), time.Now()
	folder.NotOrdered = slices.DeleteFunc(folder.NotOrdered, func(s watch.Slide) bool {
		return now.Sub(changed(filepath.Join(f.folder, filepath.FromSlash(s.File)))).Abs() < watch.DefaultSettle
	})
	return all - len(folder.NotOrdered)
}

// changed is when a slide's file was written last, or zero where that cannot be told. A DICOM file stands for those
// beside it, which are one slide.
func changed(path string) (last time.Time) {
	files := []string{path}
	if strings.EqualFold(filepath.Ext(path), ".dcm") {
		beside, _ := os.ReadDir(filepath.Dir(path)) // without them the file itself decides
		for _, entry := range beside {
			if strings.EqualFold(filepath.Ext(entry.Name()), ".dcm") {
				files = append(files, filepath.Join(filepath.Dir(path), entry.Name()))
			}
		}
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// maxTold bounds the slides that the terminal names: in a folder that was never watched that is each of them.
const maxTold = 20

// tellUnordered names those that nobody looks at unless somebody reads it here.
func tellUnordered(out io.Writer, slides []watch.Slide) {
	for i, s := range slides {
		if i == maxTold {
			fmt.Fprintf(out, "and %d more, in the summary\n", len(slides)-maxTold)
			return
		}
		fmt.Fprintf(out, "%s: %s: %s\n", s.File, s.State, s.Reason)
	}
}
