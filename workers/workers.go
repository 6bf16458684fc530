// Package workers is where a queue meets a stage: pull a job, keep it alive, do it, and end it with
// ack, nak or term. It holds no domain logic: what a stage does lives in tiler, segment and stitch.
package workers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Permanent marks an error that no repetition can mend: the job goes to the dead list at once.
type Permanent struct{ Err error }

func (p *Permanent) Error() string { return p.Err.Error() }
func (p *Permanent) Unwrap() error { return p.Err }

// Handler does the jobs of one stage. It is called concurrently by Loop.Parallel goroutines.
type Handler interface {
	Stage() jobs.Stage
	// Do does the job. It is called again with the same job after a failure or a crash, so it must
	// leave what is done alone and write deterministic bytes.
	Do(ctx context.Context, job jobs.Job) error
}

// Persistent is an optional ability of a Handler: it does the job like Do, and knows how often the job
// was delivered, from 1.
type Persistent interface {
	Attempt(ctx context.Context, job jobs.Job, attempt int) error
}

// Loop pulls jobs of one stage and has them done.
type Loop struct {
	Queue    jobs.Queue
	Events   jobs.Events
	Handler  Handler
	Parallel int           // jobs in hand at once; at least 1
	Beat     time.Duration // between signs of life; must be well below the queue's patience
	Log      *slog.Logger
	// Dropped, if not nil, reports that nobody wants the slide's result any more: its jobs are let go.
	Dropped func(ctx context.Context, slide pyramid.SlideID) (bool, error)
}

// Run works until ctx ends; then jobs in hand are given back and nil is returned.
func (l *Loop) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range max(l.Parallel, 1) {
		group.Go(func() error { return l.pull(ctx) })
	}
	return group.Wait()
}

// takePause is how long a loop waits after the queue itself failed.
const takePause = time.Second

func (l *Loop) pull(ctx context.Context) error {
	for ctx.Err() == nil {
		d, err := l.Queue.Take(ctx, l.Handler.Stage())
		if err == nil {
			l.serve(ctx, d)
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		l.Log.Warn("queue does not answer", "stage", l.Handler.Stage(), "error", err)
		if !pause(ctx, takePause) {
			return nil
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// serve does one delivery and ends it. Ending must work even while the process is being stopped.
func (l *Loop) serve(ctx context.Context, d jobs.Delivery) {
	job := d.Job()
	log := l.Log.With("stage", job.Stage, "slide", job.Slide, "job", job.ID, "attempt", d.Attempt())
	err := l.unlessDropped(ctx, d)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := l.end(end, d, err, ctx.Err() != nil, log); err != nil {
		log.Warn("job is done but the queue was not told; it will come again, which is harmless", "error", err)
	}
}

// unlessDropped does the job unless it is certain that its slide was cancelled.
func (l *Loop) unlessDropped(ctx context.Context, d jobs.Delivery) error {
	if l.Dropped != nil {
		if dropped, err := l.Dropped(ctx, d.Job().Slide); err == nil && dropped {
			return nil
		}
	}
	return l.do(ctx, d)
}

// do runs the handler while telling the queue that the job is alive. A panic in the handler's own
// goroutine fails the job, not the worker.
func (l *Loop) do(ctx context.Context, d jobs.Delivery) (err error) {
	ctx, stop := context.WithCancel(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		for pause(ctx, l.Beat) {
			if err := d.Alive(ctx); err != nil && ctx.Err() == nil {
				l.Log.Warn("no sign of life sent", "job", d.Job().ID, "error", err)
			}
		}
	}()
	defer func() {
		stop()
		<-beating
		if p := recover(); p != nil {
			l.Log.Error("panic in a job", "job", d.Job().ID, "panic", p, "stack", string(stackOf(p)))
			err = &Permanent{fmt.Errorf("%w: %v", intake.ErrInternal, p)}
		}
	}()
	if h, ok := l.Handler.(Persistent); ok {
		return withoutPath(h.Attempt(ctx, d.Job(), d.Attempt()))
	}
	return withoutPath(l.Handler.Do(ctx, d.Job()))
}

// withoutPath takes the file's path out of an error: it may hold a patient's name, and the reason of a
// failure goes into logs, events and the dead list.
func withoutPath(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return err
	}
	bare := fmt.Errorf("%s file: %w", path.Op, path.Err)
	var permanent *Permanent
	if errors.As(err, &permanent) {
		return &Permanent{bare}
	}
	return bare
}

// end is the one switch that decides a job's fate.
func (l *Loop) end(ctx context.Context, d jobs.Delivery, err error, stopping bool, log *slog.Logger) error {
	var permanent *Permanent
	switch {
	case err == nil:
		return d.Ack(ctx)
	case stopping:
		return d.Nak(ctx, 0)
	case errors.As(err, &permanent), errors.Is(err, store.ErrTooLarge), d.Last():
		log.Error("job failed for good", "error", err)
		return l.bury(ctx, d, err)
	default:
		log.Warn("job failed, will be tried again", "error", err)
		return d.Nak(ctx, backoff(d.Attempt()))
	}
}

func (l *Loop) bury(ctx context.Context, d jobs.Delivery, cause error) error {
	job, reason := d.Job(), intake.Reason(cause)
	if err := l.Queue.Bury(ctx, jobs.Dead{Job: job, Reason: reason, At: time.Now().UTC()}); err != nil {
		return errors.Join(fmt.Errorf("bury: %w", err), d.Nak(ctx, backoff(d.Attempt())))
	}
	err := d.Term(ctx, reason) // before anybody hears of it and wants the job tried again
	if err := l.Events.Announce(ctx, jobs.Event{
		Slide: job.Slide, Run: job.Run, Stage: job.Stage, State: jobs.Failed, Reason: reason,
	}); err != nil {
		l.Log.Warn("failure was not announced; the dead list has it", "job", job.ID, "error", err)
	}
	return err
}

// fullPause is the time between two attempts to publish into a full queue.
const fullPause = time.Second

// publish enqueues a job. A full queue holds up who fills it, with the job in hand kept alive, until
// others have worked some of it off. A segmenter that wants its run stitched waits for some seconds only:
// if all did nothing but wait, nobody would make room.
func publish(ctx context.Context, q jobs.Queue, job jobs.Job) error {
	for tries := 1; ; tries++ {
		err := q.Publish(ctx, job)
		if !errors.Is(err, jobs.ErrFull) || job.Stage == jobs.Stitch && tries > 5 || !pause(ctx, fullPause) {
			return err
		}
	}
}

// handOn gives the next job the urgency, the turn and the fill of the one it comes from.
func handOn(from, next jobs.Job) jobs.Job {
	next.Priority, next.Turn = from.Priority, from.Turn
	return next.InFill(from.Fill)
}

// backoff doubles from half a second to a minute.
func backoff(attempt int) time.Duration {
	return min(time.Minute, 500*time.Millisecond<<min(max(attempt-1, 0), 10))
}
