package intake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Patience is the one place that decides how long a slide may take to be opened and hashed at intake, where it has no
// job yet, whose time workers would count. Its zero value is ready, and one is for all slides of a process. It is safe
// for concurrent use.
//
// The time is one of progress, so that a huge slide on a slow share has all that it needs: each mebibyte that comes
// grants as long as it takes at minRate, and nothing for more than Silence. What opens a slide reads some of it here
// and there, and how much nobody can see: each opening has Silence in all.
//
// # Memory
//
// A read that the system never ends cannot be called off. It is left behind in its goroutine, with a buffer of 1 MiB
// or what a source in S3 holds, and nobody hears of its end but the count of those. While it goes on its slide is not
// read once more, and with maxBehind of them no slide is: that bounds them, whatever is tried again.
type Patience struct {
	// Silence is how far a slide may fall behind minRate; 0 means DefaultSilence.
	Silence time.Duration
	// Behind, if not nil, hears of a read that was left behind (1) and of its end (-1).
	Behind func(change int)

	mu   sync.Mutex
	left map[string]int // reads that were left behind and go on, by source
	all  int            // of those
}

const (
	// DefaultSilence is a minute longer than a store is waited for (store/retry), which then says what is wrong.
	DefaultSilence = 6 * time.Minute
	// minRate is in bytes a second, far below the shares that laboratories work with. A slide that is read slower has no
	// time to be cut either: workers give some 95 minutes a gigabyte, with three gigapixels in it, to read it twice.
	minRate = 300_000
	// maxBehind is how many reads may be left behind at once.
	maxBehind = 16
	// readGrace is how long a read whose time is over may take to notice.
	readGrace = time.Second
)

// Overdue is a slide that was not read in its time.
type Overdue struct{ what string }

// ErrOverdue is what every Overdue is.
var ErrOverdue = errors.New("not read in time")

// Error is written for people.
func (o *Overdue) Error() string {
	return o.what + "; see whether its storage (network drive, bucket) is slow or does not answer, and whether the file is damaged: " +
		"copy it to a disk of this machine and order it again"
}

// Is implements errors.Is.
func (o *Overdue) Is(target error) bool { return target == ErrOverdue }

// inTime does work that reads a slide, and leaves it behind where it does not end in the slide's time or with ctx.
// So the work must share nothing with the caller but what it returns.
func inTime[T any](ctx context.Context, p *Patience, source string, work func(ctx context.Context, r *reading) (T, error)) (none T, err error) {
	if p == nil {
		p = new(Patience)
	}
	if err := p.admit(source); err != nil {
		return none, err
	}
	ctx, end := context.WithCancelCause(ctx)
	r := newReading(cmp.Or(p.Silence, DefaultSilence), end)
	defer r.stop()
	type outcome struct {
		value T
		err   error
	}
	ended := make(chan outcome, 1)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		var o outcome
		defer func() { ended <- o }()
		defer func() { // nobody else could catch it, and one slide must not end the others
			if p := recover(); p != nil {
				o.err = fmt.Errorf("internal error while the slide was read: %v", p)
			}
		}()
		o.value, o.err = work(ctx, r)
	}()
	if !soon(ctx, gone, min(readGrace, r.silence)) {
		p.leave(source, gone)
		return none, context.Cause(ctx)
	}
	o := <-ended
	if o.err != nil && errors.Is(context.Cause(ctx), ErrOverdue) {
		o.err = context.Cause(ctx)
	}
	return o.value, o.err
}

// soon waits for an end, and once ctx has ended for a moment more.
func soon(ctx context.Context, ended <-chan struct{}, grace time.Duration) bool {
	select {
	case <-ended:
		return true
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-timer.C:
		return false
	}
}

// admit refuses a slide that an earlier read hangs on, and any where too many do.
func (p *Patience) admit(source string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.left[source] > 0:
		return &Overdue{"the slide was not read: an earlier read of it hangs still"}
	case p.all >= maxBehind:
		return &Overdue{fmt.Sprintf("the slide was not read: reads of %d other slides hang, and more are not begun before one of them ends or this program is started again", p.all)}
	}
	return nil
}

// leave counts a read that is left behind until it ends after all.
func (p *Patience) leave(source string, gone <-chan struct{}) {
	p.count(source, 1)
	go func() {
		<-gone
		p.count(source, -1)
	}()
}

func (p *Patience) count(source string, change int) {
	p.mu.Lock()
	if p.left == nil {
		p.left = map[string]int{}
	}
	p.all += change
	if p.left[source] += change; p.left[source] == 0 {
		delete(p.left, source)
	}
	p.mu.Unlock()
	if p.Behind != nil {
		p.Behind(change)
	}
}

// reading counts the time of one slide.
type reading struct {
	silence time.Duration
	end     context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	due     time.Time
	step    string // what the slide did not do if its time is over
	read    int64  // bytes in this step
	stopped bool
}

func newReading(silence time.Duration, end context.CancelCauseFunc) *reading {
	r := &reading{silence: silence, end: end, due: time.Now().Add(silence), step: "it did not open"}
	r.timer = time.AfterFunc(silence, r.over)
	return r
}

func (r *reading) over() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || time.Now().Before(r.due) { // another byte came while the timer went off
		return
	}
	r.end(&Overdue{fmt.Sprintf("the slide was not read within its time: %s for %v", r.step, r.silence)})
}

// stop ends the time. From then on the reading tells nobody anything.
func (r *reading) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.timer.Stop()
	r.end(context.Canceled)
}

// opens begins a step whose bytes nobody sees.
func (r *reading) opens() { r.begin("it did not open") }

// hashes begins a step that reads the whole slide, and gives what is to hear how many bytes were read. told, if not
// nil, is what hears of them besides, while anybody waits for the slide.
func (r *reading) hashes(told func(n int64)) func(n int64) {
	r.begin(fmt.Sprintf("less than %d kB a second of it came", minRate/1000))
	return func(n int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.stopped {
			return
		}
		r.grant(time.Duration(float64(n-r.read) / minRate * float64(time.Second)))
		r.read = n
		if told != nil {
			told(n)
		}
	}
}

func (r *reading) begin(step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step, r.read = step, 0
	r.grant(r.silence)
}

// grant gives more time, up to the silence from now on. The caller holds mu.
func (r *reading) grant(more time.Duration) {
	now := time.Now()
	if r.due = r.due.Add(more); r.due.After(now.Add(r.silence)) {
		r.due = now.Add(r.silence)
	}
	if !r.stopped {
		r.timer.Reset(r.due.Sub(now))
	}
}
