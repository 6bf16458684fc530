// Package mem is a job queue in memory, for tests of whoever uses one. It forgets everything with the
// process and grows with what is published: real work belongs in jobs/jetstream.
package mem

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

var (
	_ jobs.Queue      = (*Queue)(nil)
	_ jobs.Withdrawer = (*Queue)(nil)
	_ jobs.Events     = (*Queue)(nil)
	_ jobs.Patient    = (*Queue)(nil)
	_ jobs.Gauge      = (*Queue)(nil)
	_ jobs.Canceller  = (*Queue)(nil)
	_ jobs.Repeater   = (*Queue)(nil)
)

// Config tunes a Queue; its zero value is ready.
type Config struct {
	Patience   time.Duration // life of a delivery without Alive; 0 means 30 s
	MaxDeliver int           // deliveries of one job; 0 means 5
	Window     time.Duration // how long a published ID is remembered; 0 means 2 min
}

// Queue holds jobs in memory.
type Queue struct {
	config Config

	mu       sync.Mutex
	taken    map[jobs.Stage]int
	changed  chan struct{} // closed and replaced when a waiting Take should look again
	entries  []*entry      // in order of publication
	lately   map[string]time.Time
	finished map[runKey]map[int]bool
	dead     map[string]jobs.Dead
	watchers map[chan jobs.Event]struct{}
}

type runKey struct {
	slide pyramid.SlideID
	run   pyramid.RunID
	total int
}

// entry is one job that has not ended.
type entry struct {
	job      jobs.Job
	attempts int
	inHand   bool
	due      time.Time // in hand: when patience ends; else: when it may be delivered
}

// New makes an empty queue.
func New(c Config) *Queue {
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	c.MaxDeliver = cmp.Or(c.MaxDeliver, 5)
	c.Window = cmp.Or(c.Window, 2*time.Minute)
	return &Queue{
		config:   c,
		taken:    make(map[jobs.Stage]int),
		changed:  make(chan struct{}),
		lately:   make(map[string]time.Time),
		finished: make(map[runKey]map[int]bool),
		dead:     make(map[string]jobs.Dead),
		watchers: make(map[chan jobs.Event]struct{}),
	}
}

// Patience implements jobs.Patient.
func (q *Queue) Patience() time.Duration { return q.config.Patience }

// ring wakes every waiting Take. The caller holds mu.
func (q *Queue) ring() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Publish implements jobs.Queue.
func (q *Queue) Publish(ctx context.Context, job jobs.Job) error {
	if err := cmp.Or(ctx.Err(), job.Validate()); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	at, known := q.lately[job.ID]
	waits := slices.ContainsFunc(q.entries, func(e *entry) bool { return e.job.ID == job.ID && e.job.Lane() == job.Lane() })
	if known && (waits || time.Since(at) < q.config.Window) {
		return nil
	}
	q.lately[job.ID] = time.Now() // also of one that waits: a permission to publish it again is used up
	if waits {
		return nil
	}
	q.entries = append(q.entries, &entry{job: job})
	q.ring()
	return nil
}
