package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// reached is a running system as a command that talks to it sees it: by --nats, or through the `serve`
// that works in the data folder.
type reached struct {
	bucket store.Bucket
	queue  *jetstream.Queue
	// alone: the queue is one inside this process, because nobody works in the data folder.
	alone         bool
	model, engine string // of the workers, if they are known
	web           string // the page of the serve, if it is known
	close         func() error
}

// reach finds the system. Where nobody works in the data folder it opens the queue that lies there, so
// that what is ordered waits for the next `serve`.
func (p *place) reach(ctx context.Context) (r *reached, err error) {
	r = &reached{}
	if r.bucket, err = p.openStore(ctx); err != nil {
		return nil, err
	}
	if p.nats != "" {
		if r.queue, err = p.openQueue(ctx); err != nil {
			return nil, err
		}
		r.close = r.queue.Close
		return r, nil
	}
	if err := p.call(ctx, r); err != nil || r.queue != nil {
		return r, err
	}
	return r, p.openAlone(ctx, r)
}

// call reaches the serve that left its contact in the data folder. A contact whose serve was killed
// leads nowhere, which is no error.
func (p *place) call(ctx context.Context, r *reached) error {
	c, ok, err := readContact(p.data)
	if err != nil || !ok {
		return err
	}
	r.queue, err = jetstream.Open(ctx, jetstream.Config{
		URL: c.Queue.URL, User: c.Queue.User, Password: c.Queue.Password, Outage: 10 * time.Second,
	})
	if err != nil {
		r.queue = nil
		if jetstream.Away(err) {
			return nil
		}
		return fmt.Errorf("reach the serve in %s: %w", p.data, err)
	}
	r.model, r.engine, r.web, r.close = c.Model, c.Engine, c.Web, r.queue.Close
	return nil
}

func (p *place) openAlone(ctx context.Context, r *reached) error {
	if err := makeData(p.data); err != nil {
		return err
	}
	unlock, err := lockData(p.data)
	if err != nil {
		return err
	}
	if r.queue, err = p.openQueue(ctx); err != nil {
		return errors.Join(err, unlock())
	}
	r.alone = true
	r.close = func() error { return errors.Join(r.queue.Close(), unlock()) }
	return nil
}

// sayIdle says that nobody works, and who would, where something waits for it. A watch that was interrupted is one of them:
// which folder it was over no record says, as that may be named after a patient.
func (r *reached) sayIdle(out io.Writer, p *place, waiting int) {
	if words := r.idle(p, waiting); words != "" {
		fmt.Fprintln(out, words)
	}
}

// idle is what sayIdle says, or nothing.
func (r *reached) idle(p *place, waiting int) string {
	if !r.alone || waiting == 0 {
		return ""
	}
	return fmt.Sprintf("nobody works here, and %s: start `slidemill serve %s`, or `slidemill watch DIR %s` again", plural(waiting, "slide waits", "slides wait"), p, p)
}

// sameModel refuses to order with a model that the workers do not have: nobody would do the work.
func (r *reached) sameModel(m *segment.Model, engine string) error {
	switch {
	case r.model == "":
		return nil
	case r.model == m.Ref.SHA256 && segment.EngineDoes(r.engine, engine):
		return nil
	case r.model == m.Ref.SHA256:
		return fmt.Errorf("the serve that works here has the engine %s, this command %s: give both the same --engine, and use one version of the program",
			segment.EngineTitle(r.engine), segment.EngineTitle(engine))
	}
	return fmt.Errorf("the serve that works here has the model %.12s…, this command %s %s (%.12s…): give both the same --model",
		r.model, m.Ref.Name, m.Ref.Version, m.Ref.SHA256)
}

func (r *reached) judge() *intake.Judge {
	return &intake.Judge{Ledger: intake.Ledger{Bucket: r.bucket}, Dead: r.queue.Dead}
}

func (r *reached) ledger() intake.Ledger { return intake.Ledger{Bucket: r.bucket} }

// reception takes slides in with a model and parameters.
func (r *reached) reception(ctx context.Context, m *segment.Model, p segment.Parameters) (*intake.Reception, error) {
	turns, err := intake.OpenTurns(ctx, r.judge())
	if err != nil {
		return nil, err
	}
	return &intake.Reception{
		Desk: &intake.Desk{Bucket: r.bucket, Queue: r.queue}, Model: m, Parameters: p, Turns: turns, Remote: openObject,
		Patience: new(intake.Patience),
	}, nil
}
