package workers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// A poison region is one that cannot be computed however often it is tried: a tile of it cannot be
// decoded, or it takes its worker down. Which region of a batch it was, nobody can tell who is dead. So
// from the second delivery of a batch on, a region is entered in the store before it is computed, and
// struck out afterwards; whoever finds it entered knows that somebody was lost over it. An undisturbed
// batch writes nothing.
//
// A suspect is computed alone in its process, so that no innocent region is entered when it strikes.

const (
	// maxLosses is how many workers may be lost over a region.
	maxLosses = 3
	// maxTries is how often a region's content may be found damaged: reading it again may help.
	maxTries = 3

	maxQuarantine = 64 << 10
)

// quarantine is what the store holds of a suspect region.
type quarantine struct {
	Losses int    `json:"losses"`           // workers lost over it, the one that is at it now included
	Reason string `json:"reason,omitempty"` // why it will not be begun again
}

// try is one delivery of a batch.
type try struct {
	run      *openRun
	attempt  int
	priority jobs.Priority
	begun    bool // a region of it was found missing
}

// guarded computes a region, or says for good why it cannot be: as an error, or in the store if the run
// may end without it.
func (s *Segment) guarded(ctx context.Context, t *try, r pyramid.Region) error {
	if t.attempt < 2 {
		s.alone.RLock()
		defer s.alone.RUnlock()
		return s.judged(ctx, t, r, s.caught(ctx, t, r))
	}
	keys := store.Slide(t.run.plan.Slide).Run(t.run.plan.Run)
	whole, err := s.whole(ctx, t.run.plan, r, keys.Region(r))
	if whole || err != nil {
		return err
	}
	s.alone.Lock()
	defer s.alone.Unlock()
	return s.suspect(ctx, t, r, keys.Quarantine(r))
}

// suspect computes a region that a worker may have been lost over. The first delivery enters nothing: if
// it ended with the loss of its worker, then over the first region that the second finds missing.
func (s *Segment) suspect(ctx context.Context, t *try, r pyramid.Region, key string) error {
	q, err := loadQuarantine(ctx, s.Bucket, key)
	switch {
	case err != nil:
		return err
	case q.Reason != "":
		return s.condemn(ctx, t.run.plan, r, errors.New(q.Reason))
	case q.Losses >= maxLosses:
		return s.condemn(ctx, t.run.plan, r, fmt.Errorf("%d %w", q.Losses, intake.ErrLost))
	}
	q.Losses++
	if t.attempt == 2 && !t.begun {
		q.Losses++
	}
	t.begun = true
	if err := s.enter(ctx, key, q); err != nil {
		return err
	}
	err = s.caught(ctx, t, r)
	if strikeErr := s.strike(ctx, key); strikeErr != nil && err == nil {
		return strikeErr
	}
	return s.judged(ctx, t, r, err)
}

// strike takes a region out of the book, also when the process is being stopped.
func (s *Segment) strike(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return s.Bucket.Delete(ctx, key)
}

// caught computes a region. A panic becomes an error that the region is blamed for.
func (s *Segment) caught(ctx context.Context, t *try, r pyramid.Region) (err error) {
	defer func() {
		if p := recover(); p != nil {
			// The stack names places of this machine: it belongs into its log, not into a stored reason.
			slog.Error("panic in a region", "region", r, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", intake.ErrInternal, p)
		}
	}()
	return s.region(ctx, t, r)
}

// judged tells errors that are the region's own from trouble that will pass.
func (s *Segment) judged(ctx context.Context, t *try, r pyramid.Region, err error) error {
	var format *slide.FormatError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, intake.ErrInternal):
		return s.condemn(ctx, t.run.plan, r, err)
	case t.attempt >= maxTries && (errors.As(err, &format) || errors.Is(err, store.ErrNotFound)):
		return s.condemn(ctx, t.run.plan, r, err)
	}
	return err
}

// condemn fails the job, or lets the run end without the region.
func (s *Segment) condemn(ctx context.Context, plan *segment.Plan, r pyramid.Region, cause error) error {
	if !plan.Parameters.Partial {
		return &Permanent{fmt.Errorf("%w; with --allow-partial the slide is done without it", cause)}
	}
	key := store.Slide(plan.Slide).Run(plan.Run).Quarantine(r)
	return s.enter(ctx, key, quarantine{Reason: cause.Error()})
}

func (s *Segment) enter(ctx context.Context, key string, q quarantine) error {
	data, err := json.Marshal(q)
	if err != nil {
		return err
	}
	return s.Bucket.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

// loadQuarantine reads what is known of a region; most often nothing.
func loadQuarantine(ctx context.Context, b store.Bucket, key string) (q quarantine, err error) {
	data, err := store.ReadAll(ctx, b, key, maxQuarantine)
	if errors.Is(err, store.ErrNotFound) {
		return q, nil
	}
	if err != nil {
		return q, err
	}
	if err := json.Unmarshal(data, &q); err != nil {
		return quarantine{}, nil // written by nobody we know: begin anew
	}
	return q, nil
}
