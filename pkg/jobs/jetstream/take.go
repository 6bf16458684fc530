package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/slidemill/slidemill/pkg/jobs"
)

const (
	// A lane without work is asked for jobs whose delay or worker has ended so often: ten times in the queue's
	// patience. Each time costs a request, which server and workers would feel every second.
	leastIdle, mostIdle = time.Second, 5 * time.Second
	// A calm lane, whose bell has not rung for calmAfter patiences, is asked calmPace times less often: most of a
	// stage's lanes are never used. What comes back without a bell, as its worker was lost or gave it back, waits there for up
	// to 15 s and not 3 with the usual patience of 30 s; so lanes of stat are never calm.
	calmAfter = 2
	calmPace  = 5
	// eager is how soon after the bell: it may ring before the server has stored the job.
	eager = 2 * time.Millisecond
	// settling is how long after the bell a lane may still look empty: a server whose disk is busy stores a job seconds
	// after all have heard of it. The pauses double, so that a lane is asked ten times, and a job is had after about
	// twice the time that it took to be stored. Each further bell of the stage begins that anew.
	settling = 2 * time.Second
)

// Take implements jobs.Queue.
func (q *Queue) Take(ctx context.Context, stage jobs.Stage) (jobs.Delivery, error) {
	return q.take(ctx, stage, q.lines[stage])
}

// TakeStat implements jobs.Express.
func (q *Queue) TakeStat(ctx context.Context, stage jobs.Stage) (jobs.Delivery, error) {
	return q.take(ctx, stage, q.express[stage])
}

func (q *Queue) take(ctx context.Context, stage jobs.Stage, l *line) (jobs.Delivery, error) {
	if l == nil {
		return nil, fmt.Errorf("take: %w: stage %.20q is none of this process's", jobs.ErrInvalid, stage)
	}
	select {
	case l.first <- struct{}{}:
		defer func() { <-l.first }()
	case <-ctx.Done():
		return nil, fmt.Errorf("take: %w", ctx.Err())
	case <-q.closed:
		return nil, fmt.Errorf("take: %w", jobs.ErrClosed)
	}
	pause := eager // a bell may have rung before this began, and what it rang for may still be on its way
	for {
		switch { // here, as lanes that are quiet are not asked
		case ctx.Err() != nil:
			return nil, fmt.Errorf("take: %w", ctx.Err())
		case q.isClosed():
			return nil, fmt.Errorf("take: %w", jobs.ErrClosed)
		}
		rung := l.listen() // before asking, so that no ring falls in between
		d, err := q.takeNow(ctx, stage, l)
		if d != nil {
			l.taken++
			return d, nil
		}
		if err != nil {
			return nil, err
		}
		pause = q.await(ctx, rung, pause, l.idle)
	}
}

// await waits for the bell or the pause, and returns how long to wait next.
func (q *Queue) await(ctx context.Context, rung <-chan struct{}, pause, idle time.Duration) time.Duration {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-rung:
		return eager
	case <-timer.C:
		return min(2*pause, idle)
	case <-ctx.Done():
	case <-q.closed:
	}
	return pause
}

// takeNow is the most urgent delivery that is to be had now, or nil.
func (q *Queue) takeNow(ctx context.Context, stage jobs.Stage, l *line) (*delivery, error) {
	for _, at := range jobs.Lanes(l.taken%jobs.FromBack == jobs.FromBack-1) {
		if l.stat && at.Priority != jobs.Stat {
			continue
		}
		state := l.lanes[at]
		for more := !state.quiet(time.Now(), l.pace(state, q.deaf.Load())); more; {
			asked := time.Now()
			var d *delivery
			var err error
			if d, more, err = q.takeAt(ctx, stage, at); d != nil || err != nil {
				state.empty = time.Time{}
				return d, err
			}
			state.empty = asked
		}
	}
	return nil, nil
}

// takeAt asks one consumer. A message that is no job, or a job whose deliveries are used up, goes to
// the dead list, and there may be more.
func (q *Queue) takeAt(ctx context.Context, s jobs.Stage, l jobs.Lane) (d *delivery, more bool, err error) {
	msg, err := q.pull(ctx, s, l)
	if msg == nil || err != nil {
		return nil, false, err
	}
	d, dead := q.read(msg)
	if dead == nil {
		return d, false, nil
	}
	if err := q.buryOnce(ctx, *dead); err != nil {
		return nil, false, err
	}
	q.tell(ctx, *dead)
	return nil, true, d.Term(ctx, dead.Reason)
}

// read makes a delivery of a message, and a dead job if it can't be delivered.
func (q *Queue) read(msg *nats.Msg) (*delivery, *jobs.Dead) {
	d := &delivery{q: q, reply: msg.Reply}
	meta, err := msg.Metadata()
	if err == nil {
		d.attempt = int(min(meta.NumDelivered, 1<<30))
		d.job, err = q.decode(msg)
	}
	if err != nil {
		d.job = jobs.Job{ID: "malformed"}
		if meta != nil {
			d.job.ID = fmt.Sprintf("malformed.%d", meta.Sequence.Stream)
		}
		return d, &jobs.Dead{Job: d.job, Reason: fmt.Sprintf("message on %s: %v", msg.Subject, err), At: time.Now().UTC()}
	}
	if d.attempt > q.config.MaxDeliver {
		spent := jobs.Spent(d.job, q.config.MaxDeliver)
		return d, &spent
	}
	return d, nil
}

func (q *Queue) decode(msg *nats.Msg) (jobs.Job, error) {
	job, err := jobs.Decode(msg.Data)
	if err != nil {
		return job, err
	}
	_, id, err := q.names.ParseSubject(msg.Subject)
	if err == nil && id != job.Identity() {
		err = fmt.Errorf("it holds %s", job.ID)
	}
	return job, err
}

// grace is how long an ended Take still waits for an answer that may be under way. A job that the
// server has sent and nobody has read would stay away for AckWait.
const grace = 200 * time.Millisecond

// pull asks one consumer for a message that it has now. Nil without an error means that it has none.
func (q *Queue) pull(ctx context.Context, s jobs.Stage, l jobs.Lane) (msg *nats.Msg, err error) {
	err = q.call(ctx, "take "+string(s), func(ctx context.Context) error {
		msg, err = q.ask(ctx, q.names.Consumer(s, l))
		return err
	})
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil { // the caller is gone: give it back at once
		d := &delivery{q: q, reply: msg.Reply}
		return nil, errors.Join(ctx.Err(), d.Nak(context.WithoutCancel(ctx), 0))
	}
	return msg, nil
}

// ask sends one request. It has an inbox of its own: a job arrives under the subject that it was
// published on, so the client's shared inbox could not tell whose it is; and without its inbox a request
// that was given up draws no job that nobody reads.
func (q *Queue) ask(ctx context.Context, consumer string) (*nats.Msg, error) {
	if q.isClosed() {
		return nil, jobs.ErrClosed
	}
	answers := make(chan *nats.Msg, 2)
	inbox, err := q.conn.ChanSubscribe(q.conn.NewInbox(), answers)
	if err != nil {
		return nil, err
	}
	defer inbox.Unsubscribe()
	next := fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", q.names.Stream(), consumer)
	if err := q.conn.PublishRequest(next, inbox.Subject, []byte(`{"batch":1,"no_wait":true}`)); err != nil {
		return nil, err
	}
	select {
	case msg := <-answers:
		return msg, statusOf(msg)
	case <-q.closed:
		return nil, jobs.ErrClosed
	case <-ctx.Done():
	}
	select {
	case msg := <-answers:
		return msg, statusOf(msg)
	case <-q.closed:
	case <-time.After(grace):
	}
	return nil, ctx.Err()
}

// errNothing says that the consumer has no message now.
var errNothing = errors.New("no job")

// statusOf tells a job from the server's answers that are none.
func statusOf(msg *nats.Msg) error {
	switch status := msg.Header.Get("Status"); status {
	case "":
		return nil
	case "404", "408": // no messages, expired
		return errNothing
	case "409": // the consumer's limits are reached, or its leader changes
		return errNothing
	case "503":
		return nats.ErrNoResponders
	default:
		return fmt.Errorf("the server answers %s %s", status, msg.Header.Get("Description"))
	}
}
