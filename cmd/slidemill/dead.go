package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

func newDead() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "The jobs that failed for good: list, show, retry, drop",
		Long:  "Dead is the list of jobs that no further attempt would mend, each with its reason.",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		deadCommand("list", "All dead jobs, oldest first", cobra.NoArgs, listDead),
		deadCommand("show JOB|SLIDE-ID|FILE|ACCESSION…", "Everything that is known of dead jobs", cobra.MinimumNArgs(1), showDead),
		deadCommand("retry JOB|SLIDE-ID|FILE|ACCESSION…|all", "Give dead jobs to the workers again", cobra.MinimumNArgs(1), retryDead),
		deadCommand("drop JOB|SLIDE-ID|FILE|ACCESSION…|all", "Give slides up; their records keep the reason", cobra.MinimumNArgs(1), dropDead),
	)
	return cmd
}

// deadFunc does something with the dead list.
type deadFunc func(cmd *cobra.Command, system *reached, args []string, asJSON bool) error

func deadCommand(use, short string, args cobra.PositionalArgs, do deadFunc) *cobra.Command {
	var p place
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: usageArgs(args),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			system, err := p.reach(cmd.Context())
			if err != nil {
				return err
			}
			defer closing(&err, system.close)
			return do(cmd, system, args, asJSON)
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object per job on stdout")
	return cmd
}

func listDead(cmd *cobra.Command, system *reached, _ []string, asJSON bool) error {
	dead, err := system.queue.Dead(cmd.Context())
	if err != nil || asJSON {
		return errors.Join(err, printJSON(cmd, dead))
	}
	if len(dead) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "no dead jobs")
		return nil
	}
	out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "WHEN\tSTAGE\tSLIDE\tFILE\tREASON")
	for _, d := range dead {
		reason, _, _ := strings.Cut(d.Reason, "\n")
		fmt.Fprintf(out, "%s\t%s\t%.8s\t%s\t%s\n", d.At.Local().Format("02 Jan 15:04"), d.Job.Stage, d.Job.Slide, system.fileOf(cmd.Context(), d.Job.Slide), reason)
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

// fileOf is the name of a slide's file, or "-" where the ledger has none.
func (r *reached) fileOf(ctx context.Context, id pyramid.SlideID) string {
	e, err := r.ledger().Entry(ctx, id)
	if err != nil || e.File == "" {
		return "-"
	}
	return e.File
}

func showDead(cmd *cobra.Command, system *reached, args []string, asJSON bool) error {
	dead, err := system.pickDead(cmd.Context(), args)
	if err != nil || asJSON {
		return errors.Join(err, printJSON(cmd, dead))
	}
	for _, d := range dead {
		fmt.Fprintf(cmd.OutOrStdout(), "job       %s\nslide     %v\nfile      %s\nstage     %s\npriority  %s\ndied      %s\nreason    %s\n\n",
			d.Job.ID, d.Job.Slide, system.fileOf(cmd.Context(), d.Job.Slide), d.Job.Stage, d.Job.Priority.Known(),
			d.At.Local().Format(time.DateTime), d.Reason)
	}
	return nil
}

// pickDead are the dead jobs that the arguments mean.
func (r *reached) pickDead(ctx context.Context, args []string) (picked []jobs.Dead, err error) {
	all, err := r.queue.Dead(ctx)
	if err != nil {
		return nil, err
	}
	lines := r.linesOf(ctx, all)
	for _, text := range args {
		chosen, err := intake.Choose(ctx, lines, text)
		if unknown := new(intake.Unknown); errors.As(err, &unknown) {
			chosen, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		found := false
		for _, d := range all {
			if text == "all" || d.Job.ID == text || slices.ContainsFunc(chosen, func(l intake.Line) bool { return l.Slide == d.Job.Slide }) {
				picked, found = append(picked, d), true
			}
		}
		if !found && text != "all" {
			return nil, fmt.Errorf("no dead job %q: see `slidemill dead list`", text)
		}
	}
	return picked, nil
}

// linesOf are the orders of dead jobs, each once, as far as the ledger knows them.
func (r *reached) linesOf(ctx context.Context, dead []jobs.Dead) (lines []intake.Line) {
	seen := map[pyramid.SlideID]bool{}
	for _, d := range dead {
		if seen[d.Job.Slide] {
			continue
		}
		seen[d.Job.Slide] = true
		e, err := r.ledger().Entry(ctx, d.Job.Slide)
		if err != nil {
			e = intake.Entry{Slide: d.Job.Slide}
		}
		lines = append(lines, intake.Line{Entry: e})
	}
	return lines
}

func retryDead(cmd *cobra.Command, system *reached, args []string, _ bool) error {
	ctx := cmd.Context()
	dead, err := system.pickDead(ctx, args)
	if err != nil {
		return err
	}
	for _, d := range dead {
		if err := d.Job.Validate(); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: %s: %v: drop it\n", d.Job.ID, err)
			continue
		}
		if err := system.ledger().Reopen(ctx, d.Job.Slide); err != nil {
			return err
		}
		if err := errors.Join(system.queue.Forget(ctx, d.Job.ID), system.queue.Publish(ctx, d.Job)); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%v  %s is tried again\n", d.Job.Slide, d.Job.Stage)
	}
	if system.alone && len(dead) > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "nobody works here yet: start `slidemill serve`")
	}
	return nil
}

func dropDead(cmd *cobra.Command, system *reached, args []string, _ bool) error {
	ctx := cmd.Context()
	dead, err := system.pickDead(ctx, args)
	if err != nil {
		return err
	}
	for _, d := range dead {
		if err := system.ledger().Close(ctx, d.Job.Slide, intake.End{State: intake.Failed, Reason: d.Reason, At: d.At}); err != nil {
			return err
		}
		if _, err := system.queue.Cancel(ctx, d.Job.Slide); err != nil {
			return err
		}
		if err := system.queue.Forget(ctx, d.Job.ID); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%v  %s dropped: %s\n", d.Job.Slide, d.Job.Stage, d.Reason)
	}
	return nil
}

// forgetDead takes a slide's jobs off the dead list.
func (r *reached) forgetDead(ctx context.Context, id pyramid.SlideID) error {
	dead, err := r.queue.Dead(ctx)
	for _, d := range dead {
		if d.Job.Slide == id {
			err = errors.Join(err, r.queue.Forget(ctx, d.Job.ID))
		}
	}
	return err
}
