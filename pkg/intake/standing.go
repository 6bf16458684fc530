package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// Waiting is the state of an order that nobody has begun; while it is worked on its state is a stage's.
const Waiting = "waiting"

// Missing is the state of a slide that a worklist names and nobody has seen. It was never ordered.
const Missing = "missing"

// NotOrdered is the state of a slide that lies in a folder and that nobody ordered.
const NotOrdered = "not ordered"

// Standing is how far an order is.
type Standing struct {
	Entry
	State  string `json:"state"` // waiting, tile, segment, stitch; done, failed, refused, cancelled, replaced
	Reason string `json:"reason,omitempty"`
	// GivenUp: it ended without a result, and a person has seen it and wants no more of it.
	GivenUp bool `json:"given_up,omitempty"`
	// Regions of Planned are in the store, while the slide is being segmented.
	Regions int `json:"regions,omitempty"`
	Planned int `json:"planned,omitempty"`
	// When it was cut and when it ended; zero before.
	Tiled time.Time `json:"tiled,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	// The target of its priority, and how far it is beyond it; 0 where there is none. Both in seconds.
	TargetSeconds float64 `json:"target_seconds,omitempty"`
	LateSeconds   float64 `json:"late_seconds,omitempty"`
	// Times is where its time went, where Judge.Stages asks for it.
	Times *Times `json:"seconds,omitempty"`
	// Report is what was found, where Judge.Reports asks for it.
	Report *stitch.Report `json:"-"`
}

// Open reports whether there is something left to wait for.
func (s *Standing) Open() bool { return s.Ended.IsZero() }

// Done reports an order that has its result.
func (s *Standing) Done() bool { return s.State == stitch.Done }

// Bad reports an order that needs a person: it ended without a result, or has not even begun.
func (s *Standing) Bad() bool {
	return s.State == Failed || s.State == Refused || s.State == Missing || s.State == NotOrdered
}

// Judge finds out how orders stand. The store is the truth about what is done, the dead list about what
// failed, the ledger about the rest. It remembers the plans of open slides, so keep it while watching.
type Judge struct {
	Ledger
	Dead    func(context.Context) ([]jobs.Dead, error) // nil where no queue can be asked
	Reports bool                                       // read the reports of what is done
	Stages  bool                                       // find out where the time went; it needs the reports
	// Unread, if not nil, hears once of each plan that cannot be read, from several goroutines.
	Unread func(key string, err error)

	mu      sync.Mutex
	planned map[pyramid.RunID]int
	unread  map[pyramid.RunID]time.Time // plans that could not be read, by when they were written
}

// Look says how the orders of the lines stand, in their order.
func (j *Judge) Look(ctx context.Context, lines []Line) ([]Standing, error) {
	dead, err := j.dead(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := j.Targets(ctx)
	if err != nil { // damaged ones hold no order up; serve tells of them
		targets = nil
	}
	now, all := time.Now(), make([]Standing, len(lines))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, line := range lines {
		group.Go(func() error {
			all[i] = Standing{Entry: line.Entry}
			all[i].Again, all[i].Folder = nil, "" // standings are shown, and where a file lay may name a patient
			if err := j.look(ctx, &all[i], line.End, dead[line.Slide]); err != nil {
				return fmt.Errorf("slide %v: %w", line.Slide, err)
			}
			targets.judge(&all[i], now)
			return j.stages(ctx, &all[i], now)
		})
	}
	return all, group.Wait()
}

// ReadReports finds out what was found of those that are done, for a judge that did not read reports when it looked. One
// whose report cannot be read has failed by that, as for a judge that did.
func (j *Judge) ReadReports(ctx context.Context, all []*Standing) error {
	reader := &Judge{Ledger: j.Ledger, Reports: true}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for _, s := range all {
		if !s.Done() {
			continue
		}
		group.Go(func() error {
			if _, err := reader.done(ctx, s); err != nil {
				return fmt.Errorf("slide %v: %w", s.Slide, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (j *Judge) stages(ctx context.Context, s *Standing, now time.Time) error {
	if !j.Stages {
		return nil
	}
	t, err := j.Times(ctx, s, now)
	if err != nil {
		return fmt.Errorf("slide %v: %w", s.Slide, err)
	}
	s.Times = &t
	return nil
}

// LookAt is Look for the orders of the slides. A slide that was never ordered stands nowhere.
func (j *Judge) LookAt(ctx context.Context, slides []pyramid.SlideID) ([]Standing, error) {
	lines := make([]Line, len(slides))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, id := range slides {
		group.Go(func() (err error) {
			lines[i].Entry, err = j.Entry(inner, id)
			if err == nil {
				lines[i].End, err = j.End(inner, id)
			}
			lines[i].Slide = id
			return unlessMissing(err)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return j.Look(ctx, lines)
}

// LookAll is Look for all orders since a time.
func (j *Judge) LookAll(ctx context.Context, since time.Time) ([]Standing, error) {
	lines, err := j.Lines(ctx, since)
	if err != nil {
		return nil, err
	}
	return j.Look(ctx, lines)
}

func (j *Judge) dead(ctx context.Context) (map[pyramid.SlideID][]jobs.Dead, error) {
	bySlide := map[pyramid.SlideID][]jobs.Dead{}
	if j.Dead == nil {
		return bySlide, nil
	}
	all, err := j.Dead(ctx)
	for _, d := range all {
		bySlide[d.Job.Slide] = append(bySlide[d.Job.Slide], d)
	}
	return bySlide, err
}

func (j *Judge) look(ctx context.Context, s *Standing, end *End, dead []jobs.Dead) error {
	if done, err := j.done(ctx, s); done || err != nil {
		return err
	}
	for _, d := range dead {
		if run := runOf(d.Job); run == s.Run || run == (pyramid.RunID{}) {
			s.State, s.Reason, s.Ended = Failed, d.Reason, d.At
			return nil
		}
	}
	if end != nil {
		s.State, s.Reason, s.Ended, s.GivenUp = end.State, end.Reason, end.At, end.GivenUp
		return nil
	}
	if s.torn() {
		s.State, s.Reason, s.Ended = Failed, tornReason, s.At
		return nil
	}
	return j.progress(ctx, s)
}

// done looks for the manifest that says that the mask is whole.
func (j *Judge) done(ctx context.Context, s *Standing) (bool, error) {
	keys := store.Slide(s.Slide).Run(s.Run)
	manifest, err := j.Bucket.Stat(ctx, keys.Manifest())
	if err != nil {
		return false, unlessMissing(err)
	}
	s.State, s.Ended = stitch.Done, manifest.Modified
	if s.Tiled, err = j.modified(ctx, keys.Plan()); err != nil || !j.Reports && !j.Stages {
		return true, err
	}
	data, err := store.ReadAll(ctx, j.Bucket, keys.Report(), maxReport)
	if err == nil {
		s.Report, err = stitch.DecodeReport(data)
	}
	if err != nil && ctx.Err() == nil {
		s.State, s.Reason = Failed, "its report cannot be read: see `slidemill verify`"
		return true, nil
	}
	return true, err
}

// progress tells the stages of an open order apart by what is in the store.
func (j *Judge) progress(ctx context.Context, s *Standing) (err error) {
	keys := store.Slide(s.Slide).Run(s.Run)
	if s.Tiled, err = j.modified(ctx, keys.Plan()); err != nil {
		return err
	}
	if s.Tiled.IsZero() {
		s.State = Waiting
		if whole, err := j.modified(ctx, store.Slide(s.Slide).Manifest()); err != nil || !whole.IsZero() {
			return err // cut for an earlier order: nobody has begun with this one
		}
		for _, err := range j.Bucket.List(ctx, store.Slide(s.Slide).Prefix()) {
			s.State = string(jobs.Tile)
			return err
		}
		return nil
	}
	planned, known, err := j.plan(ctx, s)
	if err != nil {
		return err
	}
	s.Planned = planned
	for _, err := range j.Bucket.List(ctx, keys.Regions()) {
		if err != nil {
			return err
		}
		s.Regions++
	}
	s.State = string(jobs.Segment)
	if !known || s.Regions < planned {
		return nil
	}
	s.State = string(jobs.Stitch)
	whole, err := j.modified(ctx, store.Slide(s.Slide).Manifest())
	if whole.IsZero() { // the finest levels are cut while regions are computed
		s.State = string(jobs.Tile)
	}
	return err
}

// maxPlan bounds a plan that is read into memory.
const maxPlan = 256 << 20

// plan is the number of regions that the order's plan has. It is not known of a plan that is damaged or of a newer program's:
// those are for the workers to judge, and one slide's must not hide how all others stand. It is not read at each look.
func (j *Judge) plan(ctx context.Context, s *Standing) (n int, known bool, err error) {
	j.mu.Lock()
	n, known = j.planned[s.Run]
	written, unread := j.unread[s.Run]
	j.mu.Unlock()
	if known || unread && written.Equal(s.Tiled) {
		return n, known, nil
	}
	key := store.Slide(s.Slide).Run(s.Run).Plan()
	data, err := store.ReadAll(ctx, j.Bucket, key, maxPlan)
	if err != nil {
		return 0, false, err
	}
	p, err := segment.DecodePlan(data)
	if err != nil {
		j.tellUnread(s, key, err)
		return 0, false, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.planned == nil {
		j.planned = map[pyramid.RunID]int{}
	}
	j.planned[s.Run] = len(p.Regions)
	return len(p.Regions), true, nil
}

// tellUnread tells of an order's plan that cannot be read, and remembers it until another one is written in its place.
func (j *Judge) tellUnread(s *Standing, key string, err error) {
	j.mu.Lock()
	if j.unread == nil {
		j.unread = map[pyramid.RunID]time.Time{}
	}
	j.unread[s.Run] = s.Tiled
	j.mu.Unlock()
	if j.Unread != nil {
		j.Unread(key, err)
	}
}

// modified is when an object was written, or zero if there is none.
func (j *Judge) modified(ctx context.Context, key string) (time.Time, error) {
	object, err := j.Bucket.Stat(ctx, key)
	return object.Modified, unlessMissing(err)
}

func unlessMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
