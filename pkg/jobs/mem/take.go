package mem

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
)

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
