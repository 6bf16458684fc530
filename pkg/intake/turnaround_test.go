package intake

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// Whoever looks at orders calls the same ones late, and one word changes it for all.
func TestTargetsAreTheStores(t *testing.T) {
	l := Ledger{mem.New()}
	id := pyramid.SlideID{1}
	if err := l.Enter(t.Context(), Entry{Slide: id, Priority: jobs.Stat, At: time.Now().Add(-10 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	look := func() Standing {
		t.Helper()
		all, err := (&Judge{Ledger: l}).LookAll(t.Context(), time.Time{})
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		m := &Monitor{Judge: &Judge{Ledger: l}, Window: time.Hour}
		m.Look(t.Context())
		latest, err := m.Latest()
		if err != nil || latest[0].Late != all[0].Late() {
			t.Errorf("serve says %v, who looks %v, %v", latest[0].Late, all[0].Late(), err)
		}
		return all[0]
	}
	if s := look(); s.Late() || s.TargetSeconds != 0 {
		t.Errorf("late without a target: %+v", s)
	}
	if err := l.SetTargets(t.Context(), Targets{jobs.Stat: 4 * time.Minute, jobs.Urgent: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.TargetSeconds != 240 || s.LateSeconds < 359 || s.LateSeconds > 420 {
		t.Errorf("late by %g s of %g", s.LateSeconds, s.TargetSeconds)
	}
	if err := l.SetTargets(t.Context(), Targets{jobs.Stat: 0}); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.Late() {
		t.Errorf("late by a target that was taken away: %+v", s)
	}
	if targets, err := l.Targets(t.Context()); err != nil || targets[jobs.Urgent] != time.Hour || len(targets) != 1 {
		t.Errorf("the others are %v, %v", targets, err)
	}
	if lines, err := l.Lines(t.Context(), time.Time{}); err != nil || len(lines) != 1 {
		t.Errorf("the targets count as orders: %v, %v", lines, err)
	}
}

// Bytes from outside are no target.
func TestTargetsThatAreNone(t *testing.T) {
	l := Ledger{mem.New()}
	for _, text := range []string{`{"stat":-1}`, `{"stat":1e300}`, `{}`} {
		if err := l.Bucket.Put(t.Context(), store.Targets(), strings.NewReader(text), int64(len(text))); err != nil {
			t.Fatal(err)
		}
		if targets, err := l.Targets(t.Context()); err != nil || len(targets) != 0 {
			t.Errorf("%s: %v, %v", text, targets, err)
		}
	}
}

// Damaged targets hold nobody up, and are replaced by the next that are set.
func TestDamagedTargets(t *testing.T) {
	l := Ledger{mem.New()}
	if err := l.Enter(t.Context(), Entry{Slide: pyramid.SlideID{1}, At: time.Now().Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := l.Bucket.Put(t.Context(), store.Targets(), strings.NewReader("{"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Targets(t.Context()); err == nil || !strings.Contains(err.Error(), "set them anew") {
		t.Errorf("nobody is told: %v", err)
	}
	if all, err := (&Judge{Ledger: l}).LookAll(t.Context(), time.Time{}); err != nil || len(all) != 1 || all[0].Late() {
		t.Errorf("%+v, %v", all, err)
	}
	if err := l.SetTargets(t.Context(), Targets{jobs.Routine: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if all, err := (&Judge{Ledger: l}).LookAll(t.Context(), time.Time{}); err != nil || !all[0].Late() {
		t.Errorf("%+v, %v", all, err)
	}
}

// What stands in the place of a plan and cannot be read is one slide's matter: how the others stand is told all the same.
func TestUnreadablePlanHidesNobody(t *testing.T) {
	l := Ledger{mem.New()}
	for i := range byte(2) {
		id, run := pyramid.SlideID{i + 1}, pyramid.RunID{i + 1}
		if err := l.Enter(t.Context(), Entry{Slide: id, Run: run, At: time.Now().Add(-time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	damaged := store.Slide(pyramid.SlideID{1}).Run(pyramid.RunID{1}).Plan()
	if err := l.Bucket.Put(t.Context(), damaged, strings.NewReader("{"), 1); err != nil {
		t.Fatal(err)
	}
	var told []string
	judge := &Judge{Ledger: l, Stages: true, Unread: func(key string, err error) { told = append(told, key) }}
	look := func() {
		t.Helper()
		all, err := judge.LookAll(t.Context(), time.Time{})
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v: want two orders", all, err)
		}
		states := map[pyramid.SlideID]string{all[0].Slide: all[0].State, all[1].Slide: all[1].State}
		if states[pyramid.SlideID{1}] != string(jobs.Segment) || states[pyramid.SlideID{2}] != Waiting {
			t.Errorf("states %v: want the first among the segmenters and the second waiting", states)
		}
	}
	look()
	look()
	if !slices.Equal(told, []string{damaged}) {
		t.Errorf("told of %q at two looks, want %q once", told, damaged)
	}
	if err := l.Bucket.Put(t.Context(), damaged, strings.NewReader("["), 1); err != nil {
		t.Fatal(err)
	}
	if look(); len(told) != 2 {
		t.Errorf("told of %q, want one written in its place told of, too", told)
	}
}

// The stages of an order add up to its time, whatever is known of them and in whatever order the clocks say.
func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 28, 20, 0, 0, 0, time.UTC)
	after := func(s int) time.Time { return at.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		s     Standing
		begun time.Time
		want  Times
	}{
		"waits":             {Standing{State: Waiting}, time.Time{}, Times{Waiting: 100, Total: 100}},
		"is cut":            {Standing{State: string(jobs.Tile)}, after(30), Times{Waiting: 30, Tile: 70, Total: 100}},
		"nobody saw":        {Standing{State: string(jobs.Segment), Tiled: after(60)}, time.Time{}, Times{Tile: 60, Segment: 40, Total: 100}},
		"failed while cut":  {Standing{State: Failed, Ended: after(50)}, after(20), Times{Waiting: 20, Tile: 30, Total: 50}},
		"cut before":        {Standing{State: string(jobs.Segment), Tiled: after(-500)}, after(10), Times{Segment: 100, Total: 100}},
		"done":              {Standing{State: "done", Tiled: after(40), Ended: after(90)}, after(10), Times{Waiting: 10, Tile: 30, Segment: 50, Total: 90}},
		"begun in the past": {Standing{State: "done", Tiled: after(40), Ended: after(90)}, after(-10), Times{Tile: 40, Segment: 50, Total: 90}},
		"wrong clocks":      {Standing{State: "done", Tiled: after(400), Ended: after(90)}, after(200), Times{Waiting: 90, Total: 90}},
	} {
		l := Ledger{mem.New()}
		c.s.At, c.s.Slide = at, pyramid.SlideID{1}
		if !c.begun.IsZero() {
			if err := l.Begin(t.Context(), &c.s.Entry, c.begun); err != nil {
				t.Fatal(err)
			}
		}
		got, err := (&Judge{Ledger: l}).Times(t.Context(), &c.s, after(100))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
		if sum := got.Waiting + got.Tile + got.Segment + got.Stitch; sum != got.Total {
			t.Errorf("%s: the stages are %g of %g s", name, sum, got.Total)
		}
	}
}

// What was written down first counts, whoever sees a later event; that of an earlier order does not, nor does what
// nobody can read, which must not take the other orders off the list.
func TestBegin(t *testing.T) {
	l := Ledger{mem.New()}
	e := Entry{Slide: pyramid.SlideID{1}, At: time.Now().Add(-time.Hour).UTC()}
	if err := l.Enter(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	begin := func(after, want time.Duration) {
		t.Helper()
		if err := l.Begin(t.Context(), &e, e.At.Add(after)); err != nil {
			t.Fatal(err)
		}
		if at, err := l.begun(t.Context(), &e); err != nil || at.Sub(e.At) != want {
			t.Errorf("begun %v after the order, %v; want %v", at.Sub(e.At), err, want)
		}
	}
	begin(10*time.Minute, 10*time.Minute)
	begin(50*time.Minute, 10*time.Minute) // a serve that was started again
	e.At = e.At.Add(30 * time.Minute)     // ordered once more
	begin(5*time.Minute, 5*time.Minute)
	for _, text := range []string{"{", `{"at":7}`, strings.Repeat(" ", maxRecord+1)} {
		if err := l.Bucket.Put(t.Context(), store.Order(e.Slide).Begun(), strings.NewReader(text), int64(len(text))); err != nil {
			t.Fatal(err)
		}
		all, err := (&Judge{Ledger: l, Stages: true}).LookAll(t.Context(), time.Time{})
		if err != nil || len(all) != 1 || all[0].Times == nil {
			t.Errorf("damaged by %.9q: %+v, %v", text, all, err)
		}
	}
	begin(7*time.Minute, 7*time.Minute)
	l.Bucket = away{l.Bucket}
	if _, err := l.begun(t.Context(), &e); !errors.Is(err, errAway) {
		t.Errorf("the store is away, and the error is %v", err)
	}
}

var errAway = errors.New("the store is away")

// away is a bucket of which nothing can be read.
type away struct{ store.Bucket }

func (away) Get(context.Context, string, int64, int64) (io.ReadCloser, error) { return nil, errAway }
