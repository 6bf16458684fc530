package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/summary"
	"github.com/slidemill/slidemill/pkg/watch"
)

// round is one watch over a folder, with its summary.
type round struct {
	system  *reached
	flags   *folderFlags
	place   *place
	cmd     *cobra.Command
	quiet   bool // the log tells, not the terminal
	watcher *watch.Watcher
	log     *slog.Logger
	written time.Time // the summary
	ended   int       // slides since then
	missing int       // slides of the worklists that had not come at the last look
	masks   bool      // it was said that masks are left out
	before  []string  // states of slides that had ended before, until that is said
	copies  int       // further files of slides that had

	problems []string               // of the worklists, as they were told last
	silent   time.Time              // since when the folder does not answer, as was told last
	heard    func(silent time.Time) // hears of that at each look; may be nil
}

func (r *round) open(ctx context.Context, dir string, desk *intake.Reception, log *slog.Logger) (err error) {
	desk.Once = true
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if r.flags.quarantine != "" { // the dead list says where files lie, to commands in other folders too
		if r.flags.quarantine, err = filepath.Abs(r.flags.quarantine); err != nil {
			return err
		}
	}
	r.written, r.log = time.Now(), log
	told, judge := r.told, r.system.judge()
	if r.quiet { // and serve's monitor has the log say which plans cannot be read
		told = r.logAgain
	} else {
		judge.Unread = warnUnread(log)
	}
	r.watcher, err = watch.New(ctx, watch.Config{
		Dir: dir, Reception: desk, Judge: judge, Settle: r.flags.settle, Quarantine: r.flags.quarantine,
		Skip: []string{r.place.data, r.summaryFolder()}, Log: log, Told: told, Looked: r.looked,
	})
	return err
}

func (r *round) summaryFolder() string { return summaryFolder(r.place.data, r.flags.summary) }

// summaryEvery is how often the summary is written anew while slides end.
const summaryEvery = 5 * time.Minute

// looked writes the summary now and then, so that the night can be followed.
func (r *round) looked(ctx context.Context) {
	r.tellProblems()
	r.tellMissing()
	r.tellSilence()
	r.tellMasks()
	r.tellBefore()
	if time.Since(r.written) < summaryEvery || r.ended == 0 {
		return
	}
	r.written, r.ended = time.Now(), 0
	s, err := r.summarise(ctx)
	if err == nil {
		_, err = s.Save(r.summaryFolder())
	}
	if err != nil {
		r.log.Warn("summary not written", "error", err)
	}
}

// end writes the last summary and finds the exit code.
func (r *round) end(err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.cmd.Context()), 2*time.Minute)
	defer cancel()
	s, sumErr := r.summarise(ctx)
	if sumErr != nil {
		return errors.Join(err, sumErr)
	}
	html, sumErr := s.Save(r.summaryFolder())
	if sumErr != nil {
		return errors.Join(err, sumErr)
	}
	for _, m := range r.watcher.Missing() {
		if !r.quiet {
			fmt.Fprintf(r.cmd.ErrOrStderr(), "%s: missing: %s\n", m.File, m.Reason)
		}
	}
	fmt.Fprintf(r.cmd.OutOrStdout(), "%s\nsummary: %s\n", s.Headline(), html)
	switch count := s.Count(); {
	case err != nil:
		return err
	case count.Bad() > 0 || len(s.Problems) > 0:
		return errSlidesFailed
	case count.Open > 0:
		return errUnfinished
	}
	return nil
}

// summarise is the summary of the folder's slides.
func (r *round) summarise(ctx context.Context) (*summary.Summary, error) {
	slides := r.watcher.Slides()
	var ids []pyramid.SlideID
	for _, s := range slides {
		ids = append(ids, s.Slide)
	}
	judge := r.system.judge()
	judge.Reports, judge.Stages = true, true
	standings, err := judge.LookAt(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]summary.Row, len(slides))
	for i, s := range slides {
		rows[i] = summary.Row{Standing: standings[i], Doubled: s.Doubled}
		if s.Slide == (pyramid.SlideID{}) { // it could not even be read
			rows[i].State, rows[i].Reason = s.State, s.Reason
		}
		rows[i].File, rows[i].Accession = s.File, s.Accession
	}
	gone, err := r.gone(ctx, judge, ids)
	if err != nil {
		return nil, err
	}
	rows = slices.Concat(rows, elsewhere(rows, standings), gone, missingRows(r.watcher.Missing()))
	sum, err := summary.New(ctx, rows, summary.Previews(r.system.bucket))
	if err != nil {
		return nil, err
	}
	sum.Problems, sum.Ignored = append(r.silence(), r.watcher.SheetProblems()...), r.watcher.Ignored()
	return sum, nil
}

// elsewhere are the slides of which the folder has no more than copies, as those of another folder's files: a copy counts for
// none, and what became of the slide would be told nowhere.
func elsewhere(files []summary.Row, standings []intake.Standing) (rows []summary.Row) {
	told := map[pyramid.SlideID]bool{}
	for i := range files {
		if !files[i].Copy() {
			told[files[i].Slide] = true
		}
	}
	for _, s := range standings {
		if !told[s.Slide] {
			told[s.Slide] = true
			rows = append(rows, summary.Row{Standing: s})
		}
	}
	return rows
}

// gone are the slides of this night that are done, or came to nothing, and whose files do not lie in the folder, such as
// those that were archived or are in quarantine. The ledger knows them: a watch that is begun anew must not forget what the
// one before it told of. What is not finished is among them where this watch does the work: one in quarantine that is tried
// again has nobody else who would say that it has no result yet.
func (r *round) gone(ctx context.Context, judge *intake.Judge, here []pyramid.SlideID) (rows []summary.Row, err error) {
	lines, err := judge.Lines(ctx, time.Now().Add(-aNight))
	if err != nil {
		return nil, err
	}
	lies := make(map[pyramid.SlideID]bool, len(here))
	for _, id := range here {
		lies[id] = true
	}
	lines = slices.DeleteFunc(lines, func(l intake.Line) bool { return lies[l.Slide] }) // their reports are read already
	standings, err := judge.Look(ctx, lines)
	if err != nil {
		return nil, err
	}
	var queued map[pyramid.SlideID]int64
	if r.system.alone {
		if queued, err = r.system.queue.Slides(ctx); err != nil {
			return nil, err
		}
	}
	for _, s := range standings {
		if s.State == stitch.Done || s.Bad() && !s.GivenUp || s.Open() && queued[s.Slide] > 0 {
			rows = append(rows, summary.Row{Standing: s})
		}
	}
	return rows, nil
}

// missingRows are the lines of slides that a worklist names and that never came.
func missingRows(missing []watch.Slide) (rows []summary.Row) {
	for _, m := range missing {
		entry := intake.Entry{File: m.File, Accession: m.Accession, Priority: m.Priority}
		rows = append(rows, summary.Row{Standing: intake.Standing{Entry: entry, State: m.State, Reason: m.Reason}})
	}
	return rows
}
