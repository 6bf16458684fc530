package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/dir"
	"github.com/slidemill/slidemill/pkg/store/limit"
	"github.com/slidemill/slidemill/pkg/store/retry"
	"github.com/slidemill/slidemill/pkg/store/s3"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/workers"
)

// place says where a command keeps and finds things.
type place struct {
	data, store, nats string
	patience          time.Duration
	verbose           bool
	log               string
	pack              string
	share             bool // let other commands of this machine reach the queue inside this process
}

func (p *place) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.data, "data", "slidemill-data", "folder for results and the embedded queue")
	f.StringVar(&p.store, "store", "", "where results go: dir:PATH or s3://bucket/prefix (default dir:DATA/store)")
	f.StringVar(&p.pack, "pack", "auto", "keep each pyramid as one archive: yes, no or auto (yes on S3)")
	f.Lookup("pack").NoOptDefVal = "yes"
	f.StringVar(&p.nats, "nats", "", "NATS server, like nats://host:4222 (default: one inside this process)")
	spanFlag(cmd, &p.patience, "patience", 0, "silence after which a worker counts as lost (default: as the queue was set up, 30s at first)")
	f.BoolVarP(&p.verbose, "verbose", "v", false, "log what the workers do")
	f.StringVar(&p.log, "log", "text", "form of the log: text or json")
}

// String is the flags by which another command finds the place.
func (p *place) String() string {
	text := "--data " + p.data
	if p.store != "" {
		text += " --store " + p.store
	}
	return text
}

// openStore opens the store that --store names, with whatever pyramids it holds as archives.
func (p *place) openStore(ctx context.Context) (store.Bucket, error) {
	return p.openPacked(ctx, retry.Config{})
}

// openPacked opens the store with the patience of openStoreWith. Every process that cuts, reads or shows slides
// comes this way: who packed a pyramid and who reads it must agree on where its tiles are.
func (p *place) openPacked(ctx context.Context, patient retry.Config) (store.Bucket, error) {
	pack := p.elsewhere()
	switch p.pack {
	case "", "auto":
	case "yes", "no":
		pack = p.pack == "yes"
	default:
		return nil, &usageError{fmt.Errorf("--pack %s: want yes, no or auto", p.pack)}
	}
	b, err := p.openStoreWith(ctx, patient)
	if err != nil {
		return nil, err
	}
	archives := szi.New(b)
	archives.Pack = pack
	return archives, nil
}

// elsewhere reports a store that is a network away.
func (p *place) elsewhere() bool { return strings.HasPrefix(p.store, "s3://") }

// openStoreWith decides how patient a store elsewhere is. A folder is patient only where a process waits
// for room.
func (p *place) openStoreWith(ctx context.Context, patient retry.Config) (store.Bucket, error) {
	url := p.store
	if url == "" {
		if err := makeData(p.data); err != nil {
			return nil, err
		}
		url = "dir:" + filepath.Join(p.data, "store")
	}
	switch {
	case strings.HasPrefix(url, "dir:"):
		b, err := dir.Open(strings.TrimPrefix(url, "dir:"))
		if err != nil || !patient.Room {
			return b, err
		}
		return retry.New(b, patient), nil
	case strings.HasPrefix(url, "s3://"):
		config, err := s3.Parse(url)
		if err != nil {
			return nil, &usageError{err}
		}
		b, err := s3.Open(ctx, config)
		if err != nil {
			return nil, err
		}
		return retry.New(limit.New(b, limit.Config{}), patient), nil
	}
	return nil, &usageError{fmt.Errorf("store %q: want dir:PATH or s3://bucket/prefix", url)}
}

// logger writes to stderr from the given level on; --verbose says everything.
func (p *place) logger(cmd *cobra.Command, level slog.Level) *slog.Logger {
	if p.verbose {
		level = slog.LevelDebug
	}
	options := &slog.HandlerOptions{Level: level}
	if p.log == "json" {
		return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), options))
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), options))
}

// silent is the level of a `run`, which tells of failures itself.
const silent = slog.LevelError + 1

// openModel reads --model, or the model in the binary.
func openModel(path string) (*segment.Model, error) {
	if path == "" || path == "builtin" {
		return builtin.Model()
	}
	if err := checkModel(path); err != nil {
		return nil, err
	}
	return segment.OpenModel(path)
}

// software names this program in reports.
const software = "slidemill 0.1"

// crew is the workers of one process.
type crew struct {
	bucket       store.Bucket
	queue        *jetstream.Queue
	model        *segment.Model
	driver       driver
	workers      int  // goroutines that segment at once; tiling uses as many
	pyramidFirst bool // see workers.Tile
	ahead        bool // read regions' tiles ahead: the store is a network away
	log          *slog.Logger
	// redelivered, if not nil, hears of jobs that came a second time or more.
	redelivered func(jobs.Stage)
	// behind, if not nil, hears of work that is left behind, see workers.Tile.
	behind func(change int)
}

// heedful is the queue, and says when a job comes again.
type heedful struct {
	*jetstream.Queue
	redelivered func(jobs.Stage)
}

// Take implements jobs.Queue.
func (q heedful) Take(ctx context.Context, s jobs.Stage) (jobs.Delivery, error) {
	d, err := q.Queue.Take(ctx, s)
	return q.heed(d, err)
}

func (q heedful) heed(d jobs.Delivery, err error) (jobs.Delivery, error) {
	if err == nil && d.Attempt() > 1 && q.redelivered != nil {
		q.redelivered(d.Job().Stage)
	}
	return d, err
}

// express takes stat jobs only.
type express struct{ heedful }

// Take implements jobs.Queue.
func (q express) Take(ctx context.Context, s jobs.Stage) (jobs.Delivery, error) {
	d, err := q.TakeStat(ctx, s)
	return q.heed(d, err)
}

// loops are the worker loops of the given roles.
func (c *crew) loops(roles []string) ([]*workers.Loop, error) {
	var loops []*workers.Loop
	for _, role := range roles {
		h, parallel, err := c.handler(role)
		if err != nil {
			return nil, err
		}
		queue := heedful{c.queue, c.redelivered}
		loops = append(loops, c.loop(h, queue, parallel))
		// Cutting a large slide takes minutes: one tiler more stays free for stat slides. A segmenter has its hands full
		// of other slides' batches; a stat region goes before the next of theirs (see workers.gate).
		if role == "tile" || role == "segment" {
			loops = append(loops, c.loop(h, express{queue}, 1))
		}
	}
	return loops, nil
}

func (c *crew) loop(h workers.Handler, queue jobs.Queue, parallel int) *workers.Loop {
	return &workers.Loop{
		Queue: queue, Events: c.queue, Handler: h, Parallel: parallel, Beat: c.queue.Patience() / 4, Log: c.log,
		Dropped: intake.Ledger{Bucket: c.bucket}.Dropped,
	}
}

func (c *crew) handler(role string) (h workers.Handler, parallel int, err error) {
	switch role {
	case "tile":
		return &workers.Tile{
			Bucket: c.bucket, Queue: c.queue, Events: c.queue, Model: c.model, Workers: c.workers, PyramidFirst: c.pyramidFirst,
			Remote: patientObject(c.log), Behind: c.behind,
		}, 1, nil
	case "segment":
		engines, err := c.driver.engines(c.model)
		if err != nil {
			return nil, 0, err
		}
		return &workers.Segment{
			Bucket: c.bucket, Queue: c.queue, Events: c.queue, Model: c.model, Engines: engines, Networks: c.workers,
		}, c.workers + c.readAhead(), nil
	case "stitch":
		return &workers.Stitch{Bucket: c.bucket, Queue: c.queue, Events: c.queue, Workers: c.workers, Software: software}, 1, nil
	}
	return nil, 0, checkRoles([]string{role})
}

// readAhead is how many regions beyond those that are computed a process has in hand: fetching and decoding
// a region's tiles takes about a quarter of the time that its network takes.
func (c *crew) readAhead() int {
	if !c.ahead {
		return 0
	}
	return (c.workers + 3) / 4
}

// allRoles is every stage there is.
var allRoles = []string{"tile", "segment", "stitch"}

// partialFlag adds --allow-partial, which belongs to the run: with it a slide is another run than without.
func partialFlag(cmd *cobra.Command, allow *bool) {
	cmd.Flags().BoolVar(allow, "allow-partial", false, "end a slide without the regions that cannot be computed; they count as not analysed and are named in the report")
}

func checkRoles(roles []string) error {
	for _, role := range roles {
		if !slices.Contains(allRoles, role) {
			return &usageError{fmt.Errorf("role %q: want tile, segment or stitch", role)}
		}
	}
	return nil
}

// maxWorkers is more than any machine has cores for.
const maxWorkers = 1024

// checkWorkers refuses a number of workers that cannot be meant.
func checkWorkers(n, least int) error {
	if n < least || n > maxWorkers {
		return fmt.Errorf("workers %d: want %d to %d", n, least, maxWorkers)
	}
	return nil
}

// defaultWorkers is one per core: measured, a core per region beats many cores on one.
func defaultWorkers() int { return runtime.GOMAXPROCS(0) }

// closing joins the error of a deferred Close to the function's own.
func closing(err *error, close func() error) { *err = errors.Join(*err, close()) }
