package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// workerFlags is what `worker` can be told.
type workerFlags struct {
	place
	model, engine string
	profile       string
	roles         []string
	workers       int
	threads       int
}

func newWorker() *cobra.Command {
	var f workerFlags
	var roles string
	cmd := &cobra.Command{
		Use:   "worker --nats URL --store URL",
		Short: "Only workers, against a queue and a store that others share",
		Long: "Worker waits for queue and store if they are not there yet. `serve` sets the queue up.\n\n" +
			"Exit codes: 0 stopped by an interrupt, which is how it ends, 1 it failed, 2 usage.\n\n" + natsHelp,
		Example: "  slidemill worker --roles segment --nats nats://queue:4222 --store s3://pathology/results",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.nats == "" {
				return &usageError{errors.New("--nats is missing: a worker alone has nobody to work for")}
			}
			f.roles = strings.Split(roles, ",")
			return work(cmd, &f)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	threadsFlag(cmd, &f.threads)
	cmd.Flags().StringVar(&roles, "roles", strings.Join(allRoles, ","), "which stages to work on")
	cmd.Flags().IntVar(&f.workers, "workers", defaultWorkers(), "regions segmented at once")
	cmd.Flags().StringVar(&f.profile, "profile", "", "write where processor time goes to a `file` for go tool pprof")
	return cmd
}

// work runs the loops of the roles until the command is interrupted.
func work(cmd *cobra.Command, f *workerFlags) (err error) {
	if err := checkRoles(f.roles); err != nil {
		return err
	}
	if err := checkWorkers(f.workers, 1); err != nil {
		return &usageError{err}
	}
	if !slices.Contains(f.roles, "segment") {
		setHeapSlack(lightSlack)
	}
	stop, err := profile(f.profile)
	if err != nil {
		return err
	}
	defer closing(&err, stop)
	m, err := openModel(f.model)
	if err != nil {
		return err
	}
	driver, err := openFor(f.engine, f.threads, m)
	if err != nil {
		return err
	}
	log := f.logger(cmd, slog.LevelWarn)
	bucket, err := f.awaitStore(cmd.Context(), log)
	if err != nil {
		return err
	}
	queue, err := f.awaitQueue(cmd.Context(), log, f.roles...)
	if err != nil {
		return err
	}
	defer closing(&err, queue.Close)
	c := &crew{bucket: bucket, queue: queue, model: m, driver: driver, workers: f.workers, ahead: f.elsewhere(), log: log}
	loops, err := c.loops(f.roles)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "working on %s; interrupt to stop\n", strings.Join(f.roles, ", "))
	group, ctx := errgroup.WithContext(cmd.Context())
	for _, l := range loops {
		group.Go(func() error { return l.Run(ctx) })
	}
	return errors.Join(group.Wait(), context.Cause(cmd.Context()))
}
