package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/viewer"
)

// serveFlags is what `serve` can be told.
type serveFlags struct {
	place
	listen, model, engine string
	workers               int
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Viewer, worklist, API and workers in one process",
		Long: `Serve shows the worklist and the slides with their overlays in a browser, and works
on the jobs of --nats. It listens on loopback only unless --listen says otherwise;
there is no password yet, so leave it there.`,
		Example: `  slidemill serve --data slidemill-data
  slidemill serve --workers 0 --store s3://pathology/results    show only`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, &f) },
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of the web page")
	cmd.Flags().StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	cmd.Flags().IntVar(&f.workers, "workers", defaultWorkers(), "regions segmented at once; 0 only shows")
	return cmd
}

func serve(cmd *cobra.Command, f *serveFlags) (err error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	log := f.logger(cmd, slog.LevelWarn)
	bucket, err := f.awaitStore(ctx, log)
	if err != nil {
		return err
	}
	config := viewer.Config{Bucket: bucket, Log: log, Ready: answers(bucket)}
	group, ctx := errgroup.WithContext(ctx)
	if f.workers > 0 || f.nats != "" { // a queue elsewhere is set up and watched even if others do the work
		if err := os.MkdirAll(f.data, 0o755); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
		unlock, err := lockData(f.data)
		if err != nil {
			return fmt.Errorf("%w; or only show with --workers 0", err)
		}
		defer closing(&err, unlock)
		if config.Pending, err = f.crew(ctx, cmd, group, &config); err != nil {
			return err
		}
	}
	err = f.web(ctx, cmd, config)
	cancel()
	return errors.Join(err, ignoreCancel(group.Wait()))
}

// answers reports whether the store answers at all.
func answers(b store.Bucket) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := b.Stat(ctx, store.Slides()+"ready"); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	}
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// crew puts workers to work in the group and returns what they are doing, for the worklist.
func (f *serveFlags) crew(ctx context.Context, cmd *cobra.Command, group *errgroup.Group, config *viewer.Config) (func(context.Context) ([]viewer.Entry, error), error) {
	model, err := openModel(f.model)
	if err != nil {
		return nil, err
	}
	driver, err := openDriver(f.engine)
	if err != nil {
		return nil, err
	}
	queue, err := f.awaitQueue(ctx, config.Log)
	if err != nil {
		return nil, err
	}
	events, err := queue.Watch(ctx)
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	c := &crew{bucket: config.Bucket, queue: queue, model: model, driver: driver, workers: f.workers, log: config.Log}
	roles := allRoles
	if f.workers == 0 {
		roles = nil
	}
	loops, err := c.loops(roles)
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	board := &board{queue: queue, at: map[pyramid.SlideID]progress{}}
	group.Go(func() error { board.follow(events); return nil })
	group.Go(func() error {
		inner, ctx := errgroup.WithContext(ctx)
		for _, l := range loops {
			inner.Go(func() error { return l.Run(ctx) })
		}
		<-ctx.Done()
		return errors.Join(inner.Wait(), queue.Close())
	})
	return board.pending, nil
}

// board is what is being worked on, as the events tell.
type board struct {
	queue *jetstream.Queue
	mu    sync.Mutex
	at    map[pyramid.SlideID]progress
}

func (b *board) follow(events <-chan jobs.Event) {
	for e := range events {
		b.mu.Lock()
		if e.State == jobs.Failed || e.Stage == jobs.Stitch && e.State == jobs.Done {
			delete(b.at, e.Slide)
		} else {
			b.at[e.Slide] = b.advance(b.at[e.Slide], e)
		}
		b.mu.Unlock()
	}
}

// progress is how far a slide is in its stage.
type progress struct {
	viewer.Entry
	done int64
}

// advance counts an event. Segment events count one region each, from many workers; the others say how
// much is done in all.
func (b *board) advance(p progress, e jobs.Event) progress {
	if p.State != string(e.Stage) || e.Stage != jobs.Segment {
		p = progress{Entry: viewer.Entry{Slide: e.Slide, State: string(e.Stage)}}
	}
	p.done += e.Done
	p.Reason = fmt.Sprintf("%d of %d %s", p.done, e.Total, e.Unit)
	return p
}

func (b *board) pending(ctx context.Context) ([]viewer.Entry, error) {
	dead, err := b.queue.Dead(ctx)
	if err != nil {
		return nil, err
	}
	var entries []viewer.Entry
	for _, d := range dead {
		entries = append(entries, viewer.Entry{Slide: d.Job.Slide, State: "failed", Reason: d.Reason})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.at {
		entries = append(entries, p.Entry)
	}
	return entries, nil
}

// web serves until ctx ends.
func (f *serveFlags) web(ctx context.Context, cmd *cobra.Command, config viewer.Config) error {
	handler, err := viewer.New(config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w: name another address with --listen", f.listen, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(end)
	}()
	fmt.Fprintf(cmd.ErrOrStderr(), "Slidemill is at http://%s (research use only); interrupt to stop\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
