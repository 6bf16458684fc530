package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/metrics"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/viewer"
)

// station is where a `serve` knows what goes on: orders, live progress, news, metrics and alerts. It
// shows the store alone until there is a queue.
type station struct {
	bucket  store.Bucket
	log     *slog.Logger
	feed    *viewer.Feed
	metrics *metrics.Metrics
	monitor *intake.Monitor
	board   board

	mu    sync.Mutex
	queue *jetstream.Queue
	works bool // there is to be a queue
}

const (
	lookEvery  = 5 * time.Second
	lookWindow = 7 * 24 * time.Hour
)

func newStation(bucket store.Bucket, log *slog.Logger) *station {
	s := &station{bucket: bucket, log: log, feed: viewer.NewFeed()}
	s.metrics = metrics.New(metrics.Config{Look: s.state})
	s.monitor = &intake.Monitor{
		Judge:  &intake.Judge{Ledger: intake.Ledger{Bucket: bucket}, Dead: s.dead, Unread: warnUnread(log)},
		Window: lookWindow, Every: lookEvery, Told: s.told,
	}
	return s
}

// warnUnread has a log say of plans that cannot be read what a person can do about them: nobody sees how far their slides
// are.
func warnUnread(log *slog.Logger) func(key string, err error) {
	return func(key string, err error) {
		what := "the plan of a slide cannot be read: delete it, and run or submit the slide's file again"
		if errors.Is(err, segment.ErrNewer) {
			what = "the plan of a slide cannot be read here: start this program with the version that made it"
		}
		log.Warn(what, "key", key, "error", err)
	}
}

func (s *station) current() *jetstream.Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue
}

func (s *station) open(q *jetstream.Queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = q
}

func (s *station) dead(ctx context.Context) ([]jobs.Dead, error) {
	if q := s.current(); q != nil {
		return q.Dead(ctx)
	}
	return nil, nil
}

// ready reports why orders cannot be worked on now.
func (s *station) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := s.bucket.Stat(ctx, store.Slides()+"ready"); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	q := s.current()
	switch {
	case q == nil && s.works:
		return errors.New("the queue is not open yet")
	case q == nil:
		return nil
	case !q.Connected():
		return errors.New("the queue's server is away")
	}
	_, err := q.Depths(ctx)
	return err
}

// hear passes events on until they end.
func (s *station) hear(events <-chan jobs.Event) {
	for e := range events {
		s.board.heard(e)
		s.metrics.Heard(e)
		if data, err := jobs.EncodeEvent(e); err == nil {
			s.feed.Add(e.Slide, "progress", data)
		}
	}
}

// told hears of orders that changed: news for who follows, and an alert where a target was missed.
func (s *station) told(before, now intake.Watched) {
	late := now.Late && !(before.Late && before.At.Equal(now.At))
	if late {
		s.metrics.Missed(now.Priority)
		s.log.Warn("target missed", "slide", now.Slide, "priority", now.Priority, "state", now.State, "ordered", now.At)
		s.say("late", &now)
	}
	if before.State == now.State {
		return
	}
	s.say("order", &now)
	s.began(&now)
	switch {
	case now.State == intake.Failed || now.State == intake.Refused:
		s.log.Error("slide "+now.State, "slide", now.Slide, "reason", now.Reason)
	case intake.Ended(now.State) && !now.Open():
		s.log.Info("slide "+now.State, "slide", now.Slide, "seconds", now.Ended.Sub(now.At).Seconds())
	}
	if !now.Open() {
		s.board.ended(now.Slide)
	}
	if now.State == "done" {
		s.took(&now)
	}
}

// began writes down when work on an order began: the store does not show it, and status and summary ask for it.
func (s *station) began(now *intake.Watched) {
	at, heard := s.board.began(now.Slide)
	if !heard {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.monitor.Judge.Begin(ctx, &now.Entry, at); err != nil {
		s.log.Debug("begin of work not written down", "slide", now.Slide, "error", err)
	}
}

func (s *station) took(w *intake.Watched) {
	s.metrics.Ended(w.Priority, w.Ended.Sub(w.At))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	judge := intake.Judge{Ledger: s.monitor.Judge.Ledger, Stages: true}
	all, err := judge.LookAt(ctx, []pyramid.SlideID{w.Slide})
	if err != nil || all[0].Times == nil {
		s.log.Debug("no stage times", "slide", w.Slide, "error", err)
		return
	}
	t := all[0].Times
	for stage, seconds := range map[string]float64{"waiting": t.Waiting, "tile": t.Tile, "segment": t.Segment, "stitch": t.Stitch} {
		s.metrics.Stage(stage, seconds)
	}
}

// say tells the followers. News has no file and no accession: whoever needs them asks the worklist.
func (s *station) say(kind string, w *intake.Watched) {
	data, err := json.Marshal(map[string]any{
		"slide": w.Slide, "state": w.State, "priority": w.Priority, "reason": w.Reason, "late": w.Late,
	})
	if err == nil {
		s.feed.Add(w.Slide, kind, data)
	}
}

// orders is the worklist's view of the orders.
func (s *station) orders(context.Context) ([]viewer.Entry, error) {
	latest, err := s.monitor.Latest()
	if err != nil {
		return nil, err
	}
	entries := make([]viewer.Entry, 0, len(latest))
	for _, w := range latest {
		e := viewer.Entry{
			Slide: w.Slide, State: w.State, Reason: w.Reason, File: w.File, Accession: w.Accession,
			Priority: string(w.Priority), Ordered: w.At, Ended: w.Ended, Late: w.Late,
		}
		if w.Run != (pyramid.RunID{}) { // done or not: its result may be there before the next look
			e.Run = w.Run.String()
		}
		if p, ok := s.board.of(w.Slide); ok && w.Open() {
			e.State, e.Reason = string(p.stage), p.String()
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// state is what a scrape asks.
func (s *station) state(ctx context.Context) (st metrics.State, err error) {
	latest, err := s.monitor.Latest()
	if err != nil {
		return st, err
	}
	st.Open, st.OldestOpen = map[jobs.Priority]int{}, map[jobs.Priority]time.Duration{}
	st.Late, st.Targets = map[jobs.Priority]int{}, map[jobs.Priority]float64{}
	for _, p := range jobs.Priorities() {
		st.Open[p] = 0
	}
	for _, w := range latest {
		p := w.Priority.Known()
		if w.TargetSeconds > 0 {
			st.Targets[p] = w.TargetSeconds
		}
		if w.Open() {
			st.Open[p]++
			if w.Late {
				st.Late[p]++
			}
			st.OldestOpen[p] = max(st.OldestOpen[p], time.Since(w.At))
		}
	}
	q := s.current()
	if q == nil {
		return st, nil
	}
	dead, err := q.Dead(ctx)
	if err == nil {
		st.Dead = len(dead)
		st.Depths, err = q.Depths(ctx)
	}
	return st, err
}
