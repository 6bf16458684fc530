package mem

import (
	"context"
	"fmt"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// backlog is the number of events that a slow reader can lag behind before it loses the oldest.
const backlog = 256

// Announce implements jobs.Events.
func (q *Queue) Announce(ctx context.Context, e jobs.Event) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("announce %s: %w", e.Slide, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for to := range q.watchers {
		for len(to) == cap(to) {
			select {
			case <-to:
			default: // the reader was faster
			}
		}
		to <- e // only we send, and we hold mu
	}
	return nil
}

// Watch implements jobs.Events.
func (q *Queue) Watch(ctx context.Context) (<-chan jobs.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	news := make(chan jobs.Event, backlog)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.watchers[news] = struct{}{}
	context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.watchers, news)
		close(news)
	})
	return news, nil
}
