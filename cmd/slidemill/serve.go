package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/viewer"
)

// serveFlags is what `serve` can be told.
type serveFlags struct {
	place
	webFlags
	folderFlags
	model, engine string
	driver        driver // that engine names
	workers       int
	threads       int
	watch         string
	partial       bool
	targets       [3]time.Duration // of jobs.Priorities
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Viewer, worklist, API, watched folder and workers in one process",
		Long: `Serve shows the worklist and the slides with their overlays in a browser, works on
the orders of submit, watch and --watch, and answers /metrics, /healthz, /readyz and
/api/v1/events. The other commands reach it through its data folder, or by --nats.

Its log names no file, as that may be a patient's name. A worklist of --watch with lines that
make no sense has its number there among the folder's CSV files, by path (csv="2 of 3 by path"),
and when it was written; its name and what is wrong are in DATA/summary/summary.html.

It listens on loopback only. Beyond it wants --tls-cert, --tls-key and --token-file.

Exit codes: 0 stopped by an interrupt, which is how it ends, 1 it failed, 2 usage.

` + natsHelp,
		Example: `  slidemill serve --data slidemill-data
  slidemill serve --watch /scans --target-stat 15m
  slidemill serve --workers 0 --store s3://pathology/results    show only
  slidemill serve --listen 0.0.0.0:8443 --tls-cert c.pem --tls-key k.pem --token-file token`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, &f) },
	}
	f.place.flags(cmd)
	f.webFlags.flags(cmd)
	f.folderFlags.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	threadsFlag(cmd, &f.threads)
	fl.IntVar(&f.workers, "workers", defaultWorkers(), "regions segmented at once; 0 only shows")
	partialFlag(cmd, &f.partial)
	fl.StringVar(&f.watch, "watch", "", "`folder` whose slides to take, as the command watch does")
	for i, p := range jobs.Priorities() {
		spanFlag(cmd, &f.targets[i], "target-"+string(p), 0, fmt.Sprintf("how long an order of priority %s may take until its result: kept in the store for all who look (0: no target)", p))
	}
	return cmd
}

// setTargets writes down the targets that the command line names. Without any it writes nothing, so that a serve
// that only shows may be without the right to.
func (f *serveFlags) setTargets(cmd *cobra.Command, bucket store.Bucket) error {
	said := intake.Targets{}
	for i, p := range jobs.Priorities() {
		if cmd.Flags().Changed("target-" + string(p)) {
			said[p] = f.targets[i]
		}
	}
	if len(said) == 0 {
		return nil
	}
	return intake.Ledger{Bucket: bucket}.SetTargets(cmd.Context(), said)
}

func serve(cmd *cobra.Command, f *serveFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	log := f.logger(cmd, slog.LevelWarn)
	bucket, err := f.awaitStore(ctx, log)
	if err != nil {
		return err
	}
	if err := f.setTargets(cmd, bucket); err != nil {
		return err
	}
	if _, err := (intake.Ledger{Bucket: bucket}).Targets(ctx); err != nil {
		log.Warn("no order is called late", "error", err)
	}
	s := newStation(bucket, log)
	s.works = f.works()
	why, err := f.why(bucket)
	if err != nil {
		return err
	}
	door, err := f.webFlags.open(viewer.Config{
		Bucket: bucket, Log: log, Ready: s.ready, Orders: s.orders, OrderedRun: s.monitor.Judge.OrderedRun,
		Feed: s.feed, Metrics: s.metrics.Handler(), Explain: why, NoStatement: noStatement,
	})
	if err != nil {
		return err
	}
	s.monitor.Look(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.monitor.Run(ctx); return nil })
	group.Go(func() error { defer cancel(); return door.serve(ctx) })
	o := &operation{serveFlags: f, cmd: cmd, station: s, url: door.url()}
	if s.works {
		group.Go(func() error { defer cancel(); return o.run(ctx) })
	} else {
		o.announce()
	}
	return ignoreCancel(group.Wait())
}

// works reports whether there is to be a queue: one elsewhere is set up and watched even if others do the work.
func (f *serveFlags) works() bool { return f.workers > 0 || f.nats != "" }

// check refuses what makes no sense before anything is opened.
func (f *serveFlags) check() (err error) {
	if err := checkWorkers(f.workers, 0); err != nil {
		return &usageError{err}
	}
	if f.watch != "" && !f.works() {
		return &usageError{errors.New("--watch needs workers: leave --workers 0 away, or name a --nats")}
	}
	if err := f.webFlags.settle(); err != nil || !f.works() {
		return err
	}
	f.driver, err = openThreaded(f.engine, f.threads)
	return err
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// operation is the working half of a serve: queue, crew and watched folder.
type operation struct {
	*serveFlags
	cmd     *cobra.Command
	station *station
	url     string
	said    bool // that the page is there
}

// announce says once where the page is. Who reads it believes that all is well, so it is said when nothing is left that
// could be refused, and before somebody else is waited for.
func (o *operation) announce() {
	if !o.said {
		fmt.Fprintf(o.cmd.ErrOrStderr(), "Slidemill is at %s (research use only); interrupt to stop\n", o.url)
	}
	o.said = true
}

// lockEvery is how often a serve asks whether the data folder is free.
const lockEvery = 2 * time.Second

// lock waits for the data folder, while somebody else works in it.
func (o *operation) lock(ctx context.Context) (unlock func() error, err error) {
	if err := makeData(o.data); err != nil {
		return nil, err
	}
	for said := false; ; said = true {
		unlock, err := lockAs(o.data, o.holder())
		if !errors.Is(err, errInUse) {
			return unlock, err
		}
		if !said {
			if err := o.alone(ctx); err != nil {
				return nil, err
			}
			o.announce()
			fmt.Fprintf(o.cmd.ErrOrStderr(), "a `run` or `watch` works alone in %s: showing what is in the store; work on orders begins when it has ended\n", o.data)
		}
		if !wait(ctx, lockEvery) {
			return nil, ctx.Err()
		}
	}
}

// holder is what the lock says of this serve: with --nats nobody comes in through the data folder.
func (o *operation) holder() holder {
	if o.nats != "" {
		return worksAlone
	}
	return letsIn
}

// alone refuses where another serve works in the data folder; a run, or a watch that works alone, is waited for.
func (o *operation) alone(ctx context.Context) error {
	other := &reached{}
	if err := o.call(ctx, other); err != nil || other.queue == nil {
		return err
	}
	return errors.Join(fmt.Errorf("another serve works in %s, at %s: stop it, or name another --data", o.data, other.web), other.close())
}

// run works until ctx ends.
func (o *operation) run(ctx context.Context) (err error) {
	unlock, err := o.lock(ctx)
	if err != nil {
		return err
	}
	defer closing(&err, unlock)
	model, err := openModel(o.model)
	if err != nil {
		return err
	}
	if err := o.driver.ready(model); err != nil {
		return err
	}
	if o.share = o.nats == ""; !o.share {
		o.announce() // the server may come later
	}
	queue, err := o.awaitQueue(ctx, o.station.log)
	if err != nil {
		return err
	}
	defer closing(&err, queue.Close)
	defer o.station.open(nil)
	o.station.open(queue)
	c := &crew{
		bucket: o.station.bucket, queue: queue, model: model, driver: o.driver, workers: o.workers, ahead: o.elsewhere(),
		log: o.station.log, redelivered: o.station.metrics.Redelivered, behind: o.station.metrics.LeftBehind,
	}
	if shared, ok := queue.Contact(); ok {
		remove, err := writeContact(o.data, contact{Queue: shared, Model: model.Ref.SHA256, Engine: o.driver.name, Web: o.url, PID: os.Getpid()})
		if err != nil {
			return err
		}
		defer closing(&err, remove)
	}
	return o.work(ctx, c)
}

func (o *operation) work(ctx context.Context, c *crew) error {
	group, ctx := errgroup.WithContext(ctx)
	events, err := c.queue.Watch(ctx) // they end with the group: a folder that is refused ends the hearing, too
	if err != nil {
		return err
	}
	group.Go(func() error { o.station.hear(events); return nil })
	if o.workers > 0 {
		if err := c.work(ctx, group, allRoles); err != nil {
			return err
		}
	}
	group.Go(func() error { return o.folder(ctx, c) })
	<-ctx.Done()
	return ignoreCancel(group.Wait())
}

// folder watches --watch, if there is one, and writes the summary at the end. It is the last that can be refused.
func (o *operation) folder(ctx context.Context, c *crew) error {
	if o.watch == "" {
		o.announce()
		return nil
	}
	system := &reached{bucket: c.bucket, queue: c.queue}
	desk, err := system.reception(ctx, c.model, c.model.Settle(segment.Parameters{Engine: c.driver.name, Partial: o.partial}))
	if err != nil {
		return err
	}
	desk.Patience.Behind = o.station.metrics.LeftBehind
	r := &round{system: system, flags: &o.folderFlags, place: &o.place, cmd: o.cmd, quiet: true, heard: o.station.metrics.WatchSilent}
	if err := r.open(ctx, o.watch, desk, o.station.log); err != nil {
		return err
	}
	o.announce()
	err = r.watcher.Run(ctx, false)
	if errors.Is(err, context.Canceled) {
		return ignoreFailed(r.end(nil))
	}
	return err
}

// ignoreFailed: a serve does not end with the exit code of a batch.
func ignoreFailed(err error) error {
	if errors.Is(err, errSlidesFailed) {
		return nil
	}
	return err
}

// summaryFolder is where the summaries of a data folder lie.
func summaryFolder(data, named string) string {
	return cmp.Or(named, filepath.Join(data, "summary"))
}
