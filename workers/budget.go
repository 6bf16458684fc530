package workers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
)

// allowance is how long a slide may take to be opened, hashed and cut.
type allowance struct {
	floor        time.Duration // whatever the slide
	perGigabyte  time.Duration // of its files
	perGigapixel time.Duration // of its finest level
	ceiling      time.Duration // whatever the slide claims
	grace        time.Duration // for the work to notice that its time is over
}

// cutAllowance is the one table of what a slide may take. It is far more than any slide needs and less than a
// night, because it is there for slides that never end.
var cutAllowance = allowance{
	floor:        15 * time.Minute, // three times as long as a store that holds slides is waited for (store/retry)
	perGigabyte:  5 * time.Minute,  // read twice, to hash and to cut, from a share of 7 MB a second
	perGigapixel: 30 * time.Minute, // 0.55 megapixels a second; JPEG 2000 in pure Go gives 2 on one core
	ceiling:      12 * time.Hour,   // so that no file buys itself days by the size that it states
	grace:        10 * time.Second, // tiles in hand; whoever needs more than that for one is stuck
}

var (
	errSlow  = errors.New("the slide takes for ever") // ends the work on a slide whose time is over
	errStuck = errors.New("the work on the slide is stuck and was left behind")
)

// cutInTime is cut within the slide's time. A slide that overruns it fails for good and says why: who waits
// for its storage without end holds up all slides behind it.
//
// # Memory
//
// A read that the system never ends cannot be called off, so the work that is stuck in it is left behind, with
// what it holds, until the read ends; it can store nothing any more. Of the jobs on a storage that is dead those
// in hand when it died leave their tiles behind, and every later one, which sticks at its first read, 1 MiB.
func (t *Tile) cutInTime(ctx context.Context, job jobs.Job, p segment.Parameters) error {
	ctx, c := newClock(ctx, *cmp.Or(t.limit, &cutAllowance))
	defer c.stop()
	c.behind = t.Behind
	timed := *t // for this job
	timed.clock, timed.Bucket, timed.Queue = c, &heldBucket{t.Bucket, c}, &heldQueue{t.Queue, c}
	return c.do(ctx, func() error {
		if size, err := t.Remote.Bytes(ctx, job.Source); err == nil { // otherwise cut says what is wrong
			c.grantBytes(size)
		}
		return timed.cut(ctx, job, p)
	})
}

// clock counts a slide's time. It stands while the store or the queue is waited for: a full disk or queue is
// no fault of the slide's.
type clock struct {
	allowance
	end    context.CancelCauseFunc
	behind func(change int) // hears of work left behind; may be nil

	mu      sync.Mutex
	timer   *time.Timer
	held    int           // who waits for store or queue at the moment
	granted time.Duration // in all
	rest    time.Duration // when the clock was last set going
	since   time.Time     // when that was
	left    int           // pieces of work that were left behind and go on
}

// newClock makes a clock that runs, and the context that it ends. The caller stops it.
func newClock(ctx context.Context, a allowance) (context.Context, *clock) {
	ctx, end := context.WithCancelCause(ctx)
	c := &clock{allowance: a, end: end, granted: a.floor, rest: a.floor, since: time.Now()}
	c.timer = time.AfterFunc(c.rest, func() { end(errSlow) })
	if c.rest == 0 {
		end(errSlow) // now, and not when the timer comes round to it
	}
	return ctx, c
}

// stop ends the clock and its context.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.held++ // it never runs again
	c.end(context.Canceled)
}

func (c *clock) grantBytes(n int64) { c.grant(float64(n) / 1e9 * float64(c.perGigabyte)) }

// grantPixels grants the time for a slide's pixels, once they are known. A nil clock grants nothing.
func (c *clock) grantPixels(n int64) {
	if c != nil {
		c.grant(float64(n) / 1e9 * float64(c.perGigapixel))
	}
}

func (c *clock) grant(ns float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	more := min(time.Duration(min(ns, float64(c.ceiling))), c.ceiling-c.granted)
	c.granted += more
	c.rest += more
	if c.held == 0 && c.timer.Stop() {
		c.timer.Reset(c.rest - time.Since(c.since))
	}
}

// hold stops the clock until release.
func (c *clock) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held++; c.held == 1 {
		c.timer.Stop()
		c.rest -= time.Since(c.since)
	}
}

func (c *clock) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held--; c.held == 0 {
		c.since = time.Now()
		c.timer.Reset(c.rest)
	}
}

// do does the work in a goroutine of its own and leaves it behind where it does not end in time. A panic of
// the work is the caller's, as a *fault.
func (c *clock) do(ctx context.Context, work func() error) error {
	ended := make(chan outcome, 1)
	go func() {
		o := outcome{err: errStuck} // if the goroutine ends on the spot
		defer func() {
			if p := recover(); p != nil {
				o.fault = &fault{p, debug.Stack()}
			}
			ended <- o
		}()
		o.err = work()
	}()
	o := c.wait(ctx, ended)
	switch {
	case o.fault != nil:
		panic(o.fault)
	case o.err != nil && errors.Is(context.Cause(ctx), errSlow):
		return c.tooSlow()
	}
	return o.err
}

// outcome is how work ended.
type outcome struct {
	err   error
	fault *fault
}

// fault is a panic with the stack of where it happened, which another goroutine no longer has.
type fault struct {
	value any
	stack []byte
}

// String tells nothing of this machine: it goes into stored reasons.
func (f *fault) String() string { return fmt.Sprint(f.value) }

// stackOf is the stack of a recovered panic; the caller's own where nobody kept it.
func stackOf(recovered any) []byte {
	if f, ok := recovered.(*fault); ok {
		return f.stack
	}
	return debug.Stack()
}

// wait waits for the work, and when its time is over, or the worker is being stopped, for a moment more.
func (c *clock) wait(ctx context.Context, ended <-chan outcome) outcome {
	select {
	case o := <-ended:
		return o
	case <-ctx.Done():
	}
	select {
	case o := <-ended:
		return o
	case <-time.After(c.grace):
		c.leave(ended)
		return outcome{err: errStuck}
	}
}

// leave counts work that is left behind until it ends after all. Like that work, who waits for it has no owner:
// nothing can end a read that the system does not.
func (c *clock) leave(ended <-chan outcome) {
	c.count(1)
	go func() {
		<-ended
		c.count(-1)
	}()
}

func (c *clock) count(change int) {
	c.mu.Lock()
	c.left += change
	c.mu.Unlock()
	if c.behind != nil {
		c.behind(change)
	}
}

// tooSlow is the error of a slide that did not end in time, written for people.
func (c *clock) tooSlow() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Permanent{&intake.Refusal{Err: fmt.Errorf("%w: it could not be read and cut in %v, which is far more than a sound file needs; "+
		"see whether its storage is slow or does not answer, and whether the file is damaged: copy it to a disk of this machine and start it again", errSlow, c.granted.Round(time.Second))}}
}
