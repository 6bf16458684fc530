package jobstest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/jobs"
)

func announce(t *testing.T, q jobs.Events, e jobs.Event) {
	t.Helper()
	if err := q.Announce(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, news <-chan jobs.Event) jobs.Event {
	t.Helper()
	select {
	case e, ok := <-news:
		if !ok {
			t.Fatal("the news ended")
		}
		return e
	case <-time.After(patience):
		t.Fatal("no news")
	}
	panic("unreachable")
}

// wantClosed drains the channel and checks that it ends.
func wantClosed(t *testing.T, news <-chan jobs.Event) {
	t.Helper()
	for end := time.After(patience); ; {
		select {
		case _, ok := <-news:
			if !ok {
				return
			}
		case <-end:
			t.Fatal("the news did not end with ctx")
		}
	}
}

func testEvents(t *testing.T, q Queue) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, err := q.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	second, err := q.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3) {
		want := jobs.Event{Slide: slideA, Run: run, Stage: jobs.Segment, State: "progress", Done: i, Total: 3, Unit: "regions"}
		announce(t, q, want)
		for _, news := range []<-chan jobs.Event{first, second} {
			if diff := cmp.Diff(want, next(t, news)); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		}
	}
	cancel()
	wantClosed(t, first)
	announce(t, q, jobs.Event{Slide: slideB, State: "done"})
	if e := next(t, second); e.Slide != slideB {
		t.Errorf("the other watcher got %+v", e)
	}
}

// testEventsSlowReader: nobody waits for a reader that sleeps; when it wakes, it sees the newest.
func testEventsSlowReader(t *testing.T, q Queue) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	news, err := q.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const last = 3_000
	for i := range int64(last + 1) {
		announce(t, q, jobs.Event{Slide: slideA, State: "progress", Done: i})
	}
	seen := int64(-1)
	for count := 0; seen != last; count++ {
		e := next(t, news)
		if e.Done <= seen {
			t.Fatalf("event %d after %d", e.Done, seen)
		}
		seen = e.Done
	}
	cancel()
	wantClosed(t, news)
}
