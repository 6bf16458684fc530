// Package jobstest proves the contracts of jobs.Queue and jobs.Events. A driver's test calls Run with a
// function that opens a queue; everything that workers rely on is checked from outside, through the
// interfaces alone.
package jobstest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Queue is what a driver offers.
type Queue interface {
	jobs.Queue
	jobs.Events
}

// Settings are what a test wants of the queue that it opens.
type Settings struct {
	Dir        string // where a durable queue keeps its files; the same Dir is the same queue
	Patience   time.Duration
	MaxDeliver int
}

// Config says what is tested.
type Config struct {
	// Open opens a queue. If it is an io.Closer the test closes it.
	Open func(t *testing.T, s Settings) Queue
	// Durable says that a queue opened again on the same Dir holds what the last one held.
	Durable bool
}

// Run tests everything. The tests run beside each other, since they mostly wait.
func Run(t *testing.T, c Config) {
	for _, check := range []struct {
		name string
		run  func(*testing.T, Queue)
		set  Settings
	}{
		{"Delivers", testDelivers, Settings{}},
		{"Stages", testStages, Settings{}},
		{"Priority", testPriority, Settings{}},
		{"Fair", testFair, Settings{}},
		{"Refuses", testRefuses, Settings{}},
		{"Dedupes", testDedupes, Settings{}},
		{"Redelivers", testRedelivers, Settings{Patience: time.Second}},
		{"Alive", testAlive, Settings{Patience: 2 * time.Second}},
		{"Nak", testNak, Settings{}},
		{"Last", testLast, Settings{MaxDeliver: 3}},
		{"Lost", testLost, Settings{Patience: 300 * time.Millisecond, MaxDeliver: 2}},
		{"Term", testTerm, Settings{}},
		{"Cancelled", testCancelled, Settings{}},
		{"Waits", testWaits, Settings{}},
		{"ManyWorkers", testManyWorkers, Settings{}},
		{"Finish", testFinish, Settings{}},
		{"Unfinish", testUnfinish, Settings{}},
		{"FinishBounds", testFinishBounds, Settings{}},
		{"FinishConcurrent", testFinishConcurrent, Settings{}},
		{"Dead", testDead, Settings{}},
		{"Retry", testRetry, Settings{}},
		{"Gauge", testGauge, Settings{}},
		{"Cancel", testCancel, Settings{}},
		{"CancelledAgain", testCancelledAgain, Settings{}},
		{"Withdraw", testWithdraw, Settings{}},
		{"Moves", testMoves, Settings{}},
		{"Events", testEvents, Settings{}},
		{"EventsSlowReader", testEventsSlowReader, Settings{}},
	} {
		t.Run(check.name, func(t *testing.T) {
			t.Parallel()
			check.run(t, c.open(t, check.set))
		})
	}
	if c.Durable {
		t.Run("Durable", func(t *testing.T) {
			t.Parallel()
			testDurable(t, c)
		})
	}
}

// open fills the settings' gaps, so that slow machines don't lose deliveries by accident.
func (c Config) open(t *testing.T, s Settings) Queue {
	if s.Patience == 0 {
		s.Patience = time.Minute
	}
	if s.MaxDeliver == 0 {
		s.MaxDeliver = 5
	}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	q := c.Open(t, s)
	t.Cleanup(func() { shut(t, q) })
	return q
}

func shut(t *testing.T, q Queue) {
	if c, ok := q.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// Identities of the tests' jobs.
var (
	slideA = pyramid.SlideID{0xa}
	slideB = pyramid.SlideID{0xb}
	run    = pyramid.RunID{1}
)

func segment(batch int) jobs.Job { return jobs.NewSegment(slideA, run, batch) }

func publish(t *testing.T, q jobs.Queue, all ...jobs.Job) {
	t.Helper()
	for _, j := range all {
		if err := q.Publish(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
}

// patience bounds every wait for something that must come.
const patience = 30 * time.Second

func take(t *testing.T, q jobs.Queue, s jobs.Stage) jobs.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d, err := q.Take(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// takeJob takes the next job and checks which it is.
func takeJob(t *testing.T, q jobs.Queue, want jobs.Job, attempt int) jobs.Delivery {
	t.Helper()
	d := take(t, q, want.Stage)
	if diff := cmp.Diff(want, d.Job()); diff != "" {
		t.Fatalf("took (-want +got):\n%s", diff)
	}
	if d.Attempt() != attempt {
		t.Fatalf("attempt %d of %s, want %d", d.Attempt(), want.ID, attempt)
	}
	return d
}

func ack(t *testing.T, d jobs.Delivery) {
	t.Helper()
	if err := d.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantIdle checks that the stage has nothing to deliver now.
func wantIdle(t *testing.T, q jobs.Queue, s jobs.Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	d, err := q.Take(ctx, s)
	if err == nil {
		t.Fatalf("took %s, attempt %d, want nothing", d.Job().ID, d.Attempt())
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("take: %v, want the end of patience", err)
	}
}

func wantDead(t *testing.T, q jobs.Queue, ids ...string) []jobs.Dead {
	t.Helper()
	dead, err := q.Dead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range dead {
		got = append(got, d.Job.ID)
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Fatalf("dead list (-want +got):\n%s", diff)
	}
	return dead
}
