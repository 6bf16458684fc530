package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// A serve calls an order late by the target in the store: in its worklist, its metrics and its news; and it writes
// down when work on an order began, once.
func TestStationKnowsTurnaround(t *testing.T) {
	s := newStation(mem.New(), slog.New(slog.DiscardHandler))
	l, id := s.monitor.Judge.Ledger, pyramid.SlideID{1}
	if err := l.SetTargets(t.Context(), intake.Targets{jobs.Stat: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := l.Enter(t.Context(), intake.Entry{Slide: id, Priority: jobs.Stat, At: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	events := make(chan jobs.Event, 1)
	events <- jobs.Event{Slide: id, Stage: jobs.Tile, State: jobs.Started}
	close(events)
	s.hear(events)
	s.monitor.Look(t.Context())
	entries, err := s.orders(t.Context())
	if err != nil || len(entries) != 1 || !entries[0].Late {
		t.Errorf("worklist %+v, %v", entries, err)
	}
	state, err := s.state(t.Context())
	if err != nil || state.Late[jobs.Stat] != 1 || state.Targets[jobs.Stat] != 60 {
		t.Errorf("metrics %+v, %v", state, err)
	}
	waited := func() float64 {
		t.Helper()
		judge := intake.Judge{Ledger: l, Stages: true}
		all, err := judge.LookAll(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		all[0].State = string(jobs.Tile) // the store does not show it yet
		times, err := judge.Times(t.Context(), &all[0], time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return times.Waiting
	}
	first := waited()
	if first < 3599 || first > 3700 {
		t.Errorf("it waited for %g s, of an hour", first)
	}
	if _, again := s.board.began(id); again {
		t.Error("the begin is told twice")
	}
}

// The log says once, at however many looks, which plan cannot be read, and what helps: another thing where a newer program
// made it.
func TestStationWarnsOfUnreadPlans(t *testing.T) {
	for plan, hint := range map[string]string{"{": "delete it, and run or submit", `{"version":99}`: "start this program with the version that made it"} {
		var log bytes.Buffer
		s := newStation(mem.New(), slog.New(slog.NewTextHandler(&log, nil)))
		id, run := pyramid.SlideID{1}, pyramid.RunID{1}
		if err := s.monitor.Judge.Enter(t.Context(), intake.Entry{Slide: id, Run: run, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		key := store.Slide(id).Run(run).Plan()
		if err := s.bucket.Put(t.Context(), key, strings.NewReader(plan), int64(len(plan))); err != nil {
			t.Fatal(err)
		}
		s.monitor.Look(t.Context())
		s.monitor.Look(t.Context())
		if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "level=WARN") || !strings.Contains(said, "key="+key) || !strings.Contains(said, hint) {
			t.Errorf("plan %s: want one warning of %s with %q:\n%s", plan, key, hint, said)
		}
	}
}

// A result is that of its order from the moment it is there: the worklist reads the store, and the latest look at the orders
// may be older. What was refused before it had a run has none.
func TestStationNamesTheRunBeforeItIsDone(t *testing.T) {
	s := newStation(mem.New(), slog.New(slog.DiscardHandler))
	run := pyramid.RunID{9}
	for _, e := range []intake.Entry{{Slide: pyramid.SlideID{1}, Run: run}, {Slide: pyramid.SlideID{2}}} {
		if err := s.monitor.Judge.Enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	s.monitor.Look(t.Context())
	entries, err := s.orders(t.Context())
	if err != nil || len(entries) != 2 || entries[0].State != intake.Waiting || entries[0].Run != run.String() || entries[1].Run != "" {
		t.Errorf("worklist %+v, %v", entries, err)
	}
}
