package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/store"
)

// Targets say how long orders may take, from the order to the result; no entry or 0 is no target. They lie in
// the store, so that whoever looks at orders, at whatever machine, calls the same ones late.
type Targets map[jobs.Priority]time.Duration

// Targets reads the targets of the site; none were set if it is empty.
func (l Ledger) Targets(ctx context.Context) (Targets, error) {
	seconds := map[jobs.Priority]float64{}
	if err := l.read(ctx, store.Targets(), &seconds); unlessMissing(err) != nil {
		return nil, fmt.Errorf("targets of the site: %w: set them anew with `slidemill serve --target-stat …`", err)
	}
	t := Targets{}
	for p, s := range seconds {
		if s > 0 && s < maxTarget.Seconds() {
			t[p] = time.Duration(s * float64(time.Second))
		}
	}
	return t, nil
}

// maxTarget bounds a target that is read: beyond it nobody waits, and durations overflow.
const maxTarget = 10 * 365 * 24 * time.Hour

// SetTargets replaces the targets of some priorities; 0 takes one away. If what is there cannot be read, it is
// replaced as a whole.
func (l Ledger) SetTargets(ctx context.Context, change Targets) error {
	t, err := l.Targets(ctx)
	if err != nil {
		t = nil
	}
	seconds := map[jobs.Priority]float64{}
	for _, p := range jobs.Priorities() {
		d, said := change[p]
		if !said {
			d = t[p]
		}
		if d > 0 {
			seconds[p] = d.Seconds()
		}
	}
	return l.write(ctx, store.Targets(), seconds)
}

// judge sets what a standing has to do with its target, at a time.
func (t Targets) judge(s *Standing, now time.Time) {
	target := t[s.Priority.Known()]
	if target <= 0 || s.At.IsZero() || s.State == Cancelled {
		return
	}
	s.TargetSeconds = target.Seconds()
	s.LateSeconds = max(0, (s.took(now) - target).Seconds())
}

// took is the time from the order to its end, or so far.
func (s *Standing) took(now time.Time) time.Duration {
	if !s.Open() {
		now = s.Ended
	}
	return max(0, now.Sub(s.At))
}

// Late reports an order that took longer than its target, or has waited longer by now.
func (s *Standing) Late() bool { return s.LateSeconds > 0 }

// Times is where an order's time went, in seconds. A stage counts from the end of the one before, so that
// waiting for it counts for it; but what waits for the first is Waiting, as far as anybody saw the first
// begin. Otherwise that is part of Tile.
type Times struct {
	Waiting float64 `json:"waiting"`
	Tile    float64 `json:"tile"`
	Segment float64 `json:"segment"`
	Stitch  float64 `json:"stitch"`
	Total   float64 `json:"total"`
}

// Add adds the times of another order.
func (t *Times) Add(o Times) {
	t.Waiting, t.Tile, t.Segment = t.Waiting+o.Waiting, t.Tile+o.Tile, t.Segment+o.Segment
	t.Stitch, t.Total = t.Stitch+o.Stitch, t.Total+o.Total
}

// Begin writes down when work on an order was seen to begin, unless somebody saw it before: a serve that was
// started again sees the slide's next event, not its first.
func (l Ledger) Begin(ctx context.Context, order *Entry, at time.Time) error {
	known, err := l.begun(ctx, order)
	if err != nil || !known.IsZero() {
		return err
	}
	return l.write(ctx, store.Order(order.Slide).Begun(), begun{at.UTC()})
}

type begun struct {
	At time.Time `json:"at"`
}

// begun is when work on the order began, or zero if nobody knows: nobody saw it, or what was written down cannot be
// read. It only divides an order's time into stages, and for that no list of all orders is to fail.
func (l Ledger) begun(ctx context.Context, order *Entry) (time.Time, error) {
	data, err := store.ReadAll(ctx, l.Bucket, store.Order(order.Slide).Begun(), maxRecord)
	if err != nil && !errors.Is(err, store.ErrTooLarge) {
		return time.Time{}, unlessMissing(err)
	}
	var b begun
	if json.Unmarshal(data, &b) != nil || b.At.Before(order.At) { // damaged, or of an earlier order
		return time.Time{}, nil
	}
	return b.At, nil
}

// Times is where the time of an order went, at a time.
func (j *Judge) Times(ctx context.Context, s *Standing, now time.Time) (t Times, err error) {
	if s.At.IsZero() {
		return t, nil
	}
	end := s.At.Add(s.took(now))
	t.Total = end.Sub(s.At).Seconds()
	if s.State == Waiting {
		t.Waiting = t.Total
		return t, nil
	}
	join := 0.0
	if s.Report != nil {
		join = s.Report.Seconds.Stitch
	}
	began, err := j.begun(ctx, &s.Entry)
	if err != nil {
		return t, err
	}
	if began.IsZero() {
		began = s.At
	}
	t.split(s.At, clamp(began, s.At, end), end, s.Tiled)
	t.Stitch = min(join, t.Segment)
	t.Segment -= t.Stitch
	return t, nil
}

// split divides the time before the plan from that behind it. A plan may be older than its order.
func (t *Times) split(ordered, began, end, tiled time.Time) {
	if tiled.IsZero() {
		tiled = end
	}
	tiled = clamp(tiled, ordered, end)
	began = clamp(began, ordered, tiled)
	t.Waiting, t.Tile, t.Segment = began.Sub(ordered).Seconds(), tiled.Sub(began).Seconds(), end.Sub(tiled).Seconds()
}

func clamp(t, low, high time.Time) time.Time {
	switch {
	case t.Before(low):
		return low
	case t.After(high):
		return high
	}
	return t
}
