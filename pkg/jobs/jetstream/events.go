package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// backlog is the number of events that a slow reader can lag behind before it loses the oldest.
const backlog = 256

// Announce implements jobs.Events. It does not wait for the server.
func (q *Queue) Announce(ctx context.Context, e jobs.Event) error {
	data, err := jobs.EncodeEvent(e)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = q.conn.Publish(q.names.News(e.Slide), data)
	}
	if err != nil {
		return fmt.Errorf("announce %s: %w", e.Slide, err)
	}
	return nil
}

// tell announces a job that the queue itself gave up. News may be lost, so may this.
func (q *Queue) tell(ctx context.Context, d jobs.Dead) {
	_ = q.Announce(ctx, jobs.Event{Slide: d.Job.Slide, Run: d.Job.Run, Stage: d.Job.Stage, State: "failed", Reason: d.Reason})
}

// Watch implements jobs.Events.
func (q *Queue) Watch(ctx context.Context) (<-chan jobs.Event, error) {
	var sub *nats.Subscription
	err := q.call(ctx, "watch", func(ctx context.Context) (err error) {
		if sub == nil {
			if sub, err = q.conn.SubscribeSync(q.names.AllNews()); err != nil {
				return err
			}
		}
		return q.conn.FlushWithContext(ctx) // the server has the subscription
	})
	if err != nil {
		return nil, err
	}
	news := make(chan jobs.Event, backlog)
	q.watchers.Go(func() {
		defer close(news)
		defer sub.Unsubscribe()
		relay(ctx, sub, news)
	})
	return news, nil
}

// relay hands events on until ctx or the queue ends. What is no event is skipped.
func relay(ctx context.Context, sub *nats.Subscription, news chan jobs.Event) {
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrSlowConsumer) {
			continue // events were lost, which is allowed
		}
		if err != nil {
			return
		}
		if e, err := jobs.DecodeEvent(msg.Data); err == nil {
			offer(news, e)
		}
	}
}

// offer adds an event and drops the oldest if there is no room. Only one goroutine offers.
func offer(news chan jobs.Event, e jobs.Event) {
	for {
		select {
		case news <- e:
			return
		default:
		}
		select {
		case <-news:
		default: // the reader was faster
		}
	}
}
