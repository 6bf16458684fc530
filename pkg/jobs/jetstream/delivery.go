package jetstream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// delivery answers to the subject that came with the message. Every answer is confirmed by the server,
// and may be given twice.
type delivery struct {
	q       *Queue
	job     jobs.Job
	attempt int
	reply   string
}

func (d *delivery) Job() jobs.Job { return d.job }
func (d *delivery) Attempt() int  { return d.attempt }
func (d *delivery) Last() bool    { return d.attempt >= d.q.config.MaxDeliver }

func (d *delivery) Alive(ctx context.Context) error { return d.answer(ctx, "keep", "+WPI") }
func (d *delivery) Ack(ctx context.Context) error   { return d.answer(ctx, "ack", "+ACK") }

func (d *delivery) Nak(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return d.answer(ctx, "nak", "-NAK")
	}
	return d.answer(ctx, "nak", fmt.Sprintf(`-NAK {"delay":%d}`, delay.Nanoseconds()))
}

// Term sends the first line of the reason; the whole is on the dead list.
func (d *delivery) Term(ctx context.Context, reason string) error {
	reason, _, _ = strings.Cut(reason, "\n")
	return d.answer(ctx, "term", "+TERM "+reason)
}

func (d *delivery) answer(ctx context.Context, op, text string) error {
	return d.q.call(ctx, op+" "+d.job.ID, func(ctx context.Context) error {
		_, err := d.q.conn.RequestWithContext(ctx, d.reply, []byte(text))
		return err
	})
}
