package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func newWorker() *cobra.Command {
	var p place
	var model, roles string
	var parallel int
	cmd := &cobra.Command{
		Use:     "worker --nats URL --store URL",
		Short:   "Only workers, against a queue and a store that others share",
		Long:    "Worker waits for queue and store if they are not there yet. `serve` sets the queue up.\n\n" + natsHelp,
		Example: "  slidemill worker --roles segment --nats nats://queue:4222 --store s3://pathology/results",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.nats == "" {
				return &usageError{errors.New("--nats is missing: a worker alone has nobody to work for")}
			}
			return work(cmd, &p, model, strings.Split(roles, ","), parallel)
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&model, "model", "", "model file (default: the built-in model)")
	cmd.Flags().StringVar(&roles, "roles", strings.Join(allRoles, ","), "which stages to work on")
	cmd.Flags().IntVar(&parallel, "workers", defaultWorkers(), "regions segmented at once")
	return cmd
}

// work runs the loops of the roles until the command is interrupted.
func work(cmd *cobra.Command, p *place, modelPath string, roles []string, parallel int) (err error) {
	if err := checkRoles(roles); err != nil {
		return err
	}
	m, err := openModel(modelPath)
	if err != nil {
		return err
	}
	log := p.logger(cmd, slog.LevelWarn)
	bucket, err := p.awaitStore(cmd.Context(), log)
	if err != nil {
		return err
	}
	queue, err := p.awaitQueue(cmd.Context(), log, roles...)
	if err != nil {
		return err
	}
	defer closing(&err, queue.Close)
	c := &crew{bucket: bucket, queue: queue, model: m, workers: parallel, log: log}
	loops, err := c.loops(roles)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "working on %s; interrupt to stop\n", strings.Join(roles, ", "))
	group, ctx := errgroup.WithContext(cmd.Context())
	for _, l := range loops {
		group.Go(func() error { return l.Run(ctx) })
	}
	return errors.Join(group.Wait(), context.Cause(cmd.Context()))
}
