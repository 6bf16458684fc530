package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
)

func newDead() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "What failed for good: list, show, retry, drop",
		Long: `Dead is the list of all slides that came to nothing, each with its reason. The rule is one,
whoever ordered a slide (run, submit or watch) and wherever it failed, at intake, such as a
damaged file, or in a job: it stands here until it is ordered anew or given up.

These do not:
  - A file that could not be read, such as one that is not there, or that was not read in its time,
    as on a drive that hangs. There is nothing to know it by: whoever named it was told.
  - A file that was refused though an order of the same slide waits or is done, such as for want of
    a scale that the order has. The order stands, and whoever named the file was told.
  - What was interrupted or cancelled: it has not failed.
  - What has no job and was written down longer ago than --since, 30 days if nobody says otherwise.
    It is not given up: a longer --since shows it.

Exit codes: 0 all was done, 1 at least one could not be or is not on the list (the others are),
2 usage.

` + slideNames,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	retry := deadCommand("retry JOB|SLIDE|ACCESSION…|all", "Try them again: jobs by the workers, what has none from where its file lay", cobra.MinimumNArgs(1), retryDead)
	retry.Flags().String("model", "", "model file, for what has no job (default: the built-in model)")
	cmd.AddCommand(
		deadCommand("list", "All that is dead, oldest first", cobra.NoArgs, listDead),
		deadCommand("show JOB|SLIDE|ACCESSION…", "Everything that is known of them", cobra.MinimumNArgs(1), showDead),
		retry,
		deadCommand("drop JOB|SLIDE|ACCESSION…|all", "Give slides up; their records keep the reason", cobra.MinimumNArgs(1), dropDead),
	)
	return cmd
}

// joblessWindow is how far back slides without a job are on the list, if nobody says otherwise.
const joblessWindow = 30 * 24 * time.Hour

// deadFunc does something with a part of the dead list.
type deadFunc func(cmd *cobra.Command, system *reached, dead []lost, f *deadFlags) error

// deadFlags is what the commands of `dead` can be told.
type deadFlags struct {
	place
	json  bool
	since time.Duration
}

func deadCommand(use, short string, args cobra.PositionalArgs, do deadFunc) *cobra.Command {
	var f deadFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Args: usageArgs(args),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			system, err := f.visit(cmd.Context())
			if err != nil {
				return err
			}
			defer closing(&err, system.close)
			dead, err := system.lost(cmd.Context(), time.Now().Add(-f.since))
			if err != nil {
				return err
			}
			var misnamed error
			if len(args) > 0 {
				dead, misnamed = pick(cmd.Context(), dead, args)
			}
			if len(dead) == 0 && misnamed != nil {
				return misnamed
			}
			return besides(do(cmd, system, dead, &f), misnamed)
		},
	}
	f.place.flags(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object per line of the list on stdout")
	spanFlag(cmd, &f.since, "since", joblessWindow, "how far back to look for slides that have no job")
	return cmd
}

func listDead(cmd *cobra.Command, _ *reached, dead []lost, f *deadFlags) error {
	if f.json {
		return printJSON(cmd, dead)
	}
	if sayNothingDead(cmd, dead) {
		return nil
	}
	out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "WHEN\tSTAGE\tSLIDE\tFILE\tREASON")
	for _, d := range dead {
		fmt.Fprintf(out, "%s\t%s\t%.8s\t%s\t%s\n", d.At.Local().Format("02 Jan 15:04"), d.Stage, d.Slide, dash(d.File), firstLine(d.Reason))
	}
	return out.Flush()
}

func printJSON[T any](cmd *cobra.Command, list []T) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	for _, item := range list {
		if err := enc.Encode(item); err != nil {
			return err
		}
	}
	return nil
}

func showDead(cmd *cobra.Command, _ *reached, dead []lost, f *deadFlags) error {
	if f.json {
		return printJSON(cmd, dead)
	}
	for _, d := range dead {
		fmt.Fprintf(cmd.OutOrStdout(), "job       %s\nslide     %v\nfile      %s\npath      %s\naccession %s\nstage     %s\npriority  %s\n%-9s %s\nreason    %s\n\n",
			dash(d.id()), d.Slide, dash(d.File), d.path(), dash(d.Accession), d.Stage, d.Priority, d.State, d.At.Local().Format(time.DateTime), d.Reason)
	}
	return nil
}

// retryDead tries each again. One that cannot be says what to do instead, and the others go on.
func retryDead(cmd *cobra.Command, system *reached, dead []lost, f *deadFlags) error {
	if sayNothingDead(cmd, dead) {
		return nil
	}
	waiting, failed := 0, false
	for _, d := range dead {
		said, state, err := system.retry(cmd, &d)
		if cmd.Context().Err() != nil {
			return err
		}
		if err != nil {
			word := "not tried again"
			if errors.As(err, new(*fruitless)) {
				word = "tried again, and no result"
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: %v %s: %s: %v\n", d.Slide, d.File, word, err)
			failed = true
			continue
		}
		if !intake.Ended(state) {
			waiting++
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%v  %s\n", d.Slide, said)
	}
	system.sayIdle(cmd.ErrOrStderr(), &f.place, waiting)
	if failed {
		return errSlidesFailed
	}
	return nil
}

// sayNothingDead answers who asks for an empty list, or means all of one.
func sayNothingDead(cmd *cobra.Command, dead []lost) bool {
	if len(dead) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "nothing is dead")
	}
	return len(dead) == 0
}

// fruitless is a refused file that was taken in once more and refused again.
type fruitless struct{ reason, path string }

func (f *fruitless) Error() string {
	return fmt.Sprintf("%s It lay at %s; if it is elsewhere now, order it from there with `slidemill submit`", f.reason, f.path)
}

// retry says what became of it, and how its slide stands now.
func (r *reached) retry(cmd *cobra.Command, d *lost) (said, state string, err error) {
	if d.Job == nil {
		return r.retryRefused(cmd, d)
	}
	if err := d.Job.Validate(); err != nil {
		return "", "", fmt.Errorf("%w: drop it", err)
	}
	desk := &intake.Desk{Bucket: r.bucket, Queue: r.queue}
	return d.Stage + " is tried again", intake.Waiting, desk.Retry(cmd.Context(), jobs.Dead{Job: *d.Job, Reason: d.Reason, At: d.At})
}

// retryRefused takes a refused file in once more.
func (r *reached) retryRefused(cmd *cobra.Command, d *lost) (said, state string, err error) {
	model, err := openModel(cmd.Flag("model").Value.String())
	if err != nil {
		return "", "", err
	}
	p := segment.Parameters{}
	if d.order.Again != nil {
		p = d.order.Again.Parameters
	}
	if segment.IsOwnEngine(p.Engine) { // nothing was computed yet that another version's bits would have to fit
		own, err := openFor(engineGorgonia, 0, model)
		if err != nil {
			return "", "", err
		}
		p.Engine = own.name
	}
	if err := r.sameModel(model, p.Engine); err != nil {
		return "", "", err
	}
	desk, err := r.reception(cmd.Context(), model, p)
	if err != nil {
		return "", "", err
	}
	t, err := desk.Retry(cmd.Context(), d.order)
	switch {
	case err != nil:
		return "", "", err
	case unfit(t.State):
		return "", "", &fruitless{t.Reason, d.path()}
	case t.Slide != d.Slide:
		said, err = r.replacedBy(cmd.Context(), d, &t)
	case t.Known:
		said = "known already, " + t.State
	default:
		said = "is ordered again"
	}
	return said, t.State, err
}

// replacedBy says what became of the file that lies in a slide's place now. A slide belongs to one case, so that one of
// another stays there until a person says otherwise.
func (r *reached) replacedBy(ctx context.Context, d *lost, t *intake.Taken) (said string, err error) {
	said = fmt.Sprintf("another file lies in its place, and that is ordered: %v", t.Slide)
	if t.Known {
		said = fmt.Sprintf("another file lies in its place, and that is known already, %s: %v", t.State, t.Slide)
	}
	now, err := r.ledger().Entry(ctx, t.Slide)
	if err == nil && d.Accession != "" && now.Accession != d.Accession {
		said += fmt.Sprintf("; its accession is %s and stays so: if %s is right, `slidemill submit --accession %[2]s %s`", now.Accession, d.Accession, d.path())
	}
	return said, err
}

func dropDead(cmd *cobra.Command, system *reached, dead []lost, _ *deadFlags) error {
	if sayNothingDead(cmd, dead) {
		return nil
	}
	for _, d := range dead {
		if err := system.drop(cmd.Context(), &d); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%v  %s dropped: %s\n", d.Slide, d.Stage, d.Reason)
	}
	return nil
}

// drop gives a slide up.
func (r *reached) drop(ctx context.Context, d *lost) error {
	if d.Job == nil {
		return r.ledger().GiveUp(ctx, d.order)
	}
	end := intake.End{State: intake.Failed, Reason: d.Reason, At: d.At, GivenUp: true}
	if err := r.ledger().Dismiss(ctx, d.Slide, end); err != nil {
		return err
	}
	if _, err := r.queue.Cancel(ctx, d.Slide); err != nil {
		return err
	}
	return r.queue.Forget(ctx, jobs.Dead{Job: *d.Job, At: d.At})
}

// forgetDead takes a slide's jobs off the dead list.
func (r *reached) forgetDead(ctx context.Context, id pyramid.SlideID) error {
	dead, err := r.queue.Dead(ctx)
	for _, d := range dead {
		if d.Job.Slide == id {
			err = errors.Join(err, r.queue.Forget(ctx, d))
		}
	}
	return err
}
