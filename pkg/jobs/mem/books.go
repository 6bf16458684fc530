package mem

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

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
func (q *Queue) Forget(ctx context.Context, dead jobs.Dead) error {
	id := dead.Job.ID
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("forget %s: %w", id, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if at, buried := q.dead[id]; buried && at.At.Equal(dead.At) {
		delete(q.dead, id)
		delete(q.lately, id)
	}
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
