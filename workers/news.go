package workers

import (
	"context"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// announce sends news. News may be lost by contract, so an error is no reason to fail a job.
func announce(ctx context.Context, events jobs.Events, e jobs.Event) {
	_ = events.Announce(ctx, e)
}

// newsPause is the time between two messages about a job's progress: faster than anybody reads, and
// thousands of times fewer than the tiles that are made meanwhile, each of which would wake the queue's server and
// everybody who watches.
const newsPause = 250 * time.Millisecond

// progress tells how far a job is, now and then: where it begins, where it ends, and newsPause apart
// between. It is safe for concurrent use.
type progress struct {
	events jobs.Events
	job    jobs.Job

	mu   sync.Mutex
	unit string // of the step that is told about
	next time.Time
}

func (p *progress) tell(ctx context.Context, unit string, done, total int64) {
	if !p.due(unit, done == total) {
		return
	}
	announce(ctx, p.events, jobs.Event{
		Slide: p.job.Slide, Run: p.job.Run, Stage: p.job.Stage, State: jobs.Progress, Done: done, Total: total, Unit: unit,
	})
}

func (p *progress) due(unit string, last bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if unit == p.unit && !last && now.Before(p.next) {
		return false
	}
	p.unit, p.next = unit, now.Add(newsPause)
	return true
}
