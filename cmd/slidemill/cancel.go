package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
)

func newCancel() *cobra.Command {
	var p place
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel SLIDE|ACCESSION…",
		Short: "Take orders back that are not done",
		Long: `Cancel removes the waiting jobs of the slides. What a worker has in hand at that
moment is finished and comes to nothing. Submit orders a cancelled slide again.

Exit codes: 0 all taken back, 1 at least one is not known (the others are), 2 usage.

` + slideNames,
		Example: "  slidemill cancel S26-1042\n  slidemill cancel 3f2a --reason 'wrong block'",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			system, err := p.visit(cmd.Context())
			if err != nil {
				return err
			}
			defer closing(&err, system.close)
			lines, misnamed := findOrders(cmd.Context(), system.ledger(), args)
			return errors.Join(system.cancel(cmd, lines, reason), misnamed)
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "cancelled by a person", "why, for the record")
	return cmd
}

func (r *reached) cancel(cmd *cobra.Command, lines []intake.Line, reason string) error {
	ctx := cmd.Context()
	standings, err := r.judge().Look(ctx, lines)
	if err != nil {
		return err
	}
	for _, s := range standings {
		if s.State == intake.Cancelled || s.State == intake.Refused || !s.Open() && !s.Bad() {
			fmt.Fprintf(cmd.OutOrStdout(), "%v  %s already  %s\n", s.Slide, s.State, s.File)
			continue
		}
		// The record comes first: what a worker publishes after the purge is let go when it is taken.
		end := intake.End{State: intake.Cancelled, Reason: reason, At: time.Now().UTC()}
		if err := r.ledger().Dismiss(ctx, s.Slide, end); err != nil {
			return fmt.Errorf("cancel %v: %w", s.Slide, err)
		}
		gone, err := r.queue.Cancel(ctx, s.Slide)
		if err != nil {
			return err
		}
		if err := r.forgetDead(ctx, s.Slide); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%v  cancelled, %s removed  %s\n", s.Slide, count(int(gone), "job"), s.File)
	}
	return nil
}
