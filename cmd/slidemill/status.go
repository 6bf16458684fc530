package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/summary"
)

// statusFlags is what `status` can be told.
type statusFlags struct {
	place
	watch, json, times bool
	since              time.Duration
	every              time.Duration
}

func newStatus() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status [SLIDE|ACCESSION…]",
		Short: "How the orders stand: waiting, working, done, failed and why",
		Long: `Status reads orders and results from the store, and the queue that works on them.
With --watch it stays until everything has ended, with rate and ETA; where nobody works it does not.
What an interrupted ` + "`run`" + ` left is interrupted: nobody goes on with it until it is run or ordered again.

A slide that is done and was not really looked at says so behind its state: "done, no tissue
found", "done, all out of focus". --json has that as no_statement, and warnings.

` + slideNames + ` A name that several slides have shows them all.

--times shows where the time of each slide and accession went: waiting, tile, segment, stitch;
and how far it is beyond the target of its priority, as ` + "`serve --target-*`" + ` set it last.
Stages overlap, so a case's total is by the clock; where no serve saw the work begin, waiting
counts as tile.

Exit codes: 0 all is well, 1 at least one slide failed, was refused, was interrupted or is not
known (the others are shown), 2 usage.`,
		Example: "  slidemill status --watch\n  slidemill status S26-1042 --json",
		RunE:    func(cmd *cobra.Command, args []string) error { return status(cmd, &f, args) },
	}
	f.place.flags(cmd)
	fl := cmd.Flags()
	fl.BoolVarP(&f.watch, "watch", "w", false, "stay until all has ended")
	fl.BoolVar(&f.times, "times", false, "where the time went, by slide and accession")
	fl.BoolVar(&f.json, "json", false, "one JSON object per slide on stdout")
	spanFlag(cmd, &f.since, "since", 72*time.Hour, "how far back to look where no slide is named")
	spanFlag(cmd, &f.every, "every", 2*time.Second, "with --watch: time between two looks")
	return cmd
}

func status(cmd *cobra.Command, f *statusFlags, args []string) (err error) {
	system, err := f.visit(cmd.Context())
	if err != nil {
		return err
	}
	defer closing(&err, system.close)
	b := &bulletin{system: system, judge: system.judge(), flags: f, args: args}
	b.judge.Stages = f.times || f.json
	for {
		if err := b.look(cmd.Context()); err != nil {
			return err
		}
		if !f.watch || b.open == len(b.stranded) || f.json || system.alone && !f.elsewhere() { // nobody else gets in meanwhile to work
			break
		}
		b.tellMisnamed(cmd.ErrOrStderr())
		b.show(cmd.ErrOrStderr())
		if !wait(cmd.Context(), f.every) {
			return cmd.Context().Err()
		}
	}
	b.settle(cmd.ErrOrStderr())
	if f.json {
		err = b.asJSON(cmd.OutOrStdout())
	} else {
		err = b.table(cmd.OutOrStdout())
	}
	if err == nil && b.bad+len(b.stranded) > 0 {
		err = errSlidesFailed
	}
	return besides(err, b.misnamed)
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func took(s *intake.Standing) string {
	if s.At.IsZero() {
		return "-"
	}
	text := summary.Duration((&summary.Row{Standing: *s}).Took())
	if s.Late() {
		text += " LATE"
	}
	return text
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// shorten keeps the end of a text, which tells more of a file's path, or the beginning of one line.
func shorten(text string, n int) string {
	text, _, _ = strings.Cut(text, "\n")
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	if strings.Contains(text, "/") && !strings.Contains(text, " ") {
		return "…" + string(r[len(r)-n+1:])
	}
	return string(r[:n-1]) + "…"
}
