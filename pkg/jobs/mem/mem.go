// Package mem is a job queue in memory, for tests of whoever uses one. It forgets everything with the
// process and grows with what is published: real work belongs in jobs/jetstream.
package mem

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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

// Take implements jobs.Queue.
func (q *Queue) Take(ctx context.Context, stage jobs.Stage) (jobs.Delivery, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("take %s: %w", stage, err)
		}
		d, wait, changed := q.next(stage)
		if d != nil {
			return d, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next delivers a job, or says when and on what to look again.
func (q *Queue) next(stage jobs.Stage) (jobs.Delivery, time.Duration, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, wait := time.Now(), time.Hour
	q.burySpent(now)
	for _, lane := range jobs.Lanes(q.taken[stage]%jobs.FromBack == jobs.FromBack-1) {
		for _, e := range q.entries {
			if e.job.Stage != stage || e.job.Lane() != lane {
				continue
			}
			if rest := e.due.Sub(now); rest > 0 {
				wait = min(wait, rest)
				continue
			}
			q.taken[stage]++
			e.attempts++
			e.inHand, e.due = true, now.Add(q.config.Patience)
			return &delivery{q: q, e: e, attempt: e.attempts}, 0, nil
		}
	}
	return nil, wait, q.changed
}

// burySpent moves jobs to the dead list whose last delivery is over. The caller holds mu.
func (q *Queue) burySpent(now time.Time) {
	q.entries = slices.DeleteFunc(q.entries, func(e *entry) bool {
		spent := e.attempts >= q.config.MaxDeliver && !e.due.After(now)
		if _, buried := q.dead[e.job.ID]; spent && !buried {
			q.dead[e.job.ID] = jobs.Spent(e.job, e.attempts)
		}
		return spent
	})
}

// Finish implements jobs.Queue.
func (q *Queue) Finish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) (bool, error) {
	err := cmp.Or(ctx.Err(), jobs.CheckPart(part, total))
	if err != nil {
		return false, fmt.Errorf("finish %s/%s: %w", slide, run, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	key := runKey{slide, run, total}
	if q.finished[key] == nil {
		q.finished[key] = make(map[int]bool)
	}
	q.finished[key][part] = true
	return len(q.finished[key]) == total, nil
}

// Unfinish implements jobs.Queue.
func (q *Queue) Unfinish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) error {
	if err := cmp.Or(ctx.Err(), jobs.CheckPart(part, total)); err != nil {
		return fmt.Errorf("unfinish %s/%s: %w", slide, run, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if done := q.finished[runKey{slide, run, total}]; done[part] {
		q.forget(func(id jobs.ID) bool { return id.Slide == slide && id.Stage != jobs.Tile })
		delete(done, part)
	}
	return nil
}

// forget lets jobs be published again.
func (q *Queue) forget(which func(jobs.ID) bool) {
	maps.DeleteFunc(q.lately, func(text string, _ time.Time) bool {
		id, err := jobs.ParseID(text)
		return err == nil && which(id)
	})
}

// Dead implements jobs.Queue.
func (q *Queue) Dead(ctx context.Context) ([]jobs.Dead, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list dead jobs: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.burySpent(time.Now())
	all := make([]jobs.Dead, 0, len(q.dead))
	for _, d := range q.dead {
		all = append(all, d)
	}
	slices.SortFunc(all, jobs.CompareDead)
	return all, nil
}

// Bury implements jobs.Queue.
func (q *Queue) Bury(ctx context.Context, dead jobs.Dead) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("bury %s: %w", dead.Job.ID, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dead[dead.Job.ID] = dead
	return nil
}

// Again implements jobs.Repeater.
func (q *Queue) Again(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("allow again %s: %w", id, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.lately, id)
	return nil
}

// Forget implements jobs.Queue.
func (q *Queue) Forget(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("forget %s: %w", id, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.dead, id)
	delete(q.lately, id)
	return nil
}

// Depths implements jobs.Gauge.
func (q *Queue) Depths(ctx context.Context) ([]jobs.Depth, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []jobs.Depth
	for _, s := range jobs.Stages() {
		for _, p := range jobs.Priorities() {
			d := jobs.Depth{Stage: s, Priority: p}
			for _, e := range q.entries {
				if at, _ := jobs.ParsePriority(string(e.job.Priority)); e.job.Stage != s || at != p {
					continue
				}
				if e.inHand {
					d.InHand++
				} else {
					d.Waiting++
				}
			}
			all = append(all, d)
		}
	}
	return all, nil
}

// Withdraw implements jobs.Withdrawer.
func (q *Queue) Withdraw(ctx context.Context, id string, keep ...jobs.Lane) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("withdraw %s: %w", id, err)
	}
	if _, err := jobs.ParseID(id); err != nil {
		return false, fmt.Errorf("withdraw: %w: %w", jobs.ErrInvalid, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.entries)
	q.entries = slices.DeleteFunc(q.entries, func(e *entry) bool { return e.job.ID == id && !slices.Contains(keep, e.job.Lane()) })
	if len(keep) == 0 {
		delete(q.lately, id)
	}
	return len(q.entries) < before, nil
}

// Cancel implements jobs.Canceller.
func (q *Queue) Cancel(ctx context.Context, slide pyramid.SlideID) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("cancel %s: %w", slide, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.entries)
	q.entries = slices.DeleteFunc(q.entries, func(e *entry) bool { return e.job.Slide == slide })
	q.forget(func(id jobs.ID) bool { return id.Slide == slide })
	return int64(before - len(q.entries)), nil
}
