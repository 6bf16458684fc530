package jobstest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
)

func testDelivers(t *testing.T, q Queue) {
	tile := jobs.NewTile(slideA, "/scans/täst 1.svs", []byte(`{"threshold":0.5}`))
	tile.Priority = jobs.Urgent
	publish(t, q, tile, segment(0), segment(1), jobs.NewStitch(slideA, run))
	ack(t, takeJob(t, q, tile, 1))
	ack(t, takeJob(t, q, segment(0), 1)) // in order of publication
	ack(t, takeJob(t, q, segment(1), 1))
	ack(t, takeJob(t, q, jobs.NewStitch(slideA, run), 1))
	for _, s := range jobs.Stages() {
		wantIdle(t, q, s)
	}
}

func testStages(t *testing.T, q Queue) {
	publish(t, q, segment(0))
	wantIdle(t, q, jobs.Tile)
	wantIdle(t, q, jobs.Stitch)
	ack(t, takeJob(t, q, segment(0), 1))
}

func testPriority(t *testing.T, q Queue) {
	at := func(batch int, p jobs.Priority) jobs.Job {
		j := segment(batch)
		j.Priority = p
		return j
	}
	all := []jobs.Job{at(0, ""), at(1, jobs.Routine), at(2, jobs.Urgent), at(3, jobs.Stat), at(4, jobs.Stat), at(5, jobs.Urgent)}
	publish(t, q, all...)
	awaitWaiting(t, q, len(all)) // a queue may need a moment to see what it holds
	for _, batch := range []int{3, 4, 2, 5, 0, 1} {
		ack(t, takeJob(t, q, all[batch], 1))
	}
}

// testFair: whoever has many slides waiting keeps nobody of the same priority waiting, urgency goes
// before turns, and the last row is reached however much comes before it.
func testFair(t *testing.T, q Queue) {
	at := func(batch, turn int, p jobs.Priority) jobs.Job {
		j := segment(batch)
		j.Turn, j.Priority = turn, p
		return j
	}
	var all []jobs.Job
	for i := range 20 {
		all = append(all, at(i, 100, jobs.Routine)) // of one large accession
	}
	for i := range 20 {
		all = append(all, at(100+i, 0, jobs.Routine)) // of twenty small ones, later
	}
	all = append(all, at(200, 70, jobs.Stat))
	publish(t, q, all...)
	awaitWaiting(t, q, len(all))
	if d := take(t, q, jobs.Segment); d.Job().Priority != jobs.Stat {
		t.Errorf("first came %s, turn %d", d.Job().Priority, d.Job().Turn)
	} else {
		ack(t, d)
	}
	large := 0
	for range 16 {
		d := take(t, q, jobs.Segment)
		if d.Job().Turn > 0 {
			large++
		}
		ack(t, d)
	}
	if large != 16/jobs.FromBack {
		t.Errorf("%d of 16 jobs of the large accession, want %d", large, 16/jobs.FromBack)
	}
}

func awaitWaiting(t *testing.T, q Queue, want int) {
	t.Helper()
	gauge, ok := q.(jobs.Gauge)
	for deadline := time.Now().Add(patience); ok; time.Sleep(5 * time.Millisecond) {
		depths, err := gauge.Depths(t.Context())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("depths %+v, %v, want %d waiting", depths, err, want)
		}
		n := int64(0)
		for _, d := range depths {
			n += d.Waiting
		}
		if n == int64(want) {
			return
		}
	}
}

func testRefuses(t *testing.T, q Queue) {
	bad := segment(0)
	bad.ID = "patient-name"
	for name, j := range map[string]jobs.Job{
		"id":     bad,
		"empty":  {},
		"source": jobs.NewTile(slideA, strings.Repeat("a", 1<<20), nil),
	} {
		if err := q.Publish(t.Context(), j); !errors.Is(err, jobs.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	wantIdle(t, q, jobs.Segment)
}

// testDedupes: the same job is delivered once, whether it still waits, is in hand or was acked lately.
func testDedupes(t *testing.T, q Queue) {
	publish(t, q, segment(0), segment(0))
	d := takeJob(t, q, segment(0), 1)
	publish(t, q, segment(0))
	wantIdle(t, q, jobs.Segment)
	ack(t, d)
	publish(t, q, segment(0))
	wantIdle(t, q, jobs.Segment)
	publish(t, q, segment(1))
	ack(t, takeJob(t, q, segment(1), 1))
}

// testRedelivers: a worker that is lost loses its job to another.
func testRedelivers(t *testing.T, q Queue) {
	publish(t, q, segment(0))
	lost := takeJob(t, q, segment(0), 1)
	d := takeJob(t, q, segment(0), 2)
	ack(t, d)
	_ = lost.Nak(t.Context(), 0) // it comes back too late; whether it is told so is the driver's affair
	wantIdle(t, q, jobs.Segment)
}

// testAlive: a job that is worked on for longer than the queue's patience stays where it is.
func testAlive(t *testing.T, q Queue) {
	publish(t, q, segment(0))
	d := takeJob(t, q, segment(0), 1)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // twice the patience
	defer cancel()
	var beat sync.WaitGroup
	beat.Go(func() {
		for ctx.Err() == nil {
			if err := d.Alive(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	if other, err := q.Take(ctx, jobs.Segment); err == nil {
		t.Errorf("took %s again, attempt %d", other.Job().ID, other.Attempt())
	}
	beat.Wait()
	ack(t, d)
	wantIdle(t, q, jobs.Segment)
}

func testNak(t *testing.T, q Queue) {
	publish(t, q, segment(0), segment(1))
	d := takeJob(t, q, segment(0), 1)
	const delay = time.Second
	start := time.Now()
	if err := d.Nak(t.Context(), delay); err != nil {
		t.Fatal(err)
	}
	ack(t, takeJob(t, q, segment(1), 1)) // does not wait for the other
	d = takeJob(t, q, segment(0), 2)
	if waited := time.Since(start); waited < delay*9/10 {
		t.Errorf("delivered again after %v, want %v", waited, delay)
	}
	if err := d.Nak(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ack(t, takeJob(t, q, segment(0), 3))
}

// testLast: the worker learns that an attempt is the last, and a job given back then is dead.
func testLast(t *testing.T, q Queue) {
	publish(t, q, segment(0))
	for attempt := 1; attempt <= 3; attempt++ {
		d := takeJob(t, q, segment(0), attempt)
		if d.Last() != (attempt == 3) {
			t.Errorf("attempt %d of 3: last is %v", attempt, d.Last())
		}
		if err := d.Nak(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	wantIdle(t, q, jobs.Segment)
	wantDead(t, q, segment(0).ID)
}

// testLost: a job that takes its worker down every time ends on the dead list, not in a loop, and does
// not hold up the others.
func testLost(t *testing.T, q Queue) {
	publish(t, q, segment(0))
	takeJob(t, q, segment(0), 1)
	takeJob(t, q, segment(0), 2)
	publish(t, q, segment(1))
	ack(t, takeJob(t, q, segment(1), 1))
	deadline := time.Now().Add(patience)
	for {
		wantIdle(t, q, jobs.Segment) // somebody asks for work
		if dead, err := q.Dead(t.Context()); err != nil || len(dead) > 0 || time.Now().After(deadline) {
			break
		}
	}
	if dead := wantDead(t, q, segment(0).ID); dead[0].Reason == "" || dead[0].At.IsZero() {
		t.Errorf("buried without reason or time: %+v", dead[0])
	}
}

func testTerm(t *testing.T, q Queue) {
	publish(t, q, segment(0))
	d := takeJob(t, q, segment(0), 1)
	if err := d.Term(t.Context(), "region 12,7 can't be decoded"); err != nil {
		t.Fatal(err)
	}
	wantIdle(t, q, jobs.Segment)
}

func testCancelled(t *testing.T, q Queue) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, takeErr := q.Take(ended, jobs.Segment)
	_, finishErr := q.Finish(ended, slideA, run, 0, 1)
	_, deadErr := q.Dead(ended)
	for op, err := range map[string]error{
		"publish": q.Publish(ended, segment(0)), "take": takeErr, "finish": finishErr, "dead": deadErr,
		"bury": q.Bury(ended, jobs.Dead{Job: segment(0)}), "forget": q.Forget(ended, jobs.Dead{Job: segment(0)}),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", op, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	if _, err := q.Take(ctx, jobs.Segment); !errors.Is(err, context.Canceled) {
		t.Errorf("take: %v, want context.Canceled", err)
	}
	if waited := time.Since(start); waited > 5*time.Second {
		t.Errorf("take returned %v after it was cancelled", waited)
	}
	publish(t, q, segment(1)) // nothing of the cancelled calls stays behind
	ack(t, takeJob(t, q, segment(1), 1))
}

// testWaits: a worker that waits gets a job soon after it is published.
func testWaits(t *testing.T, q Queue) {
	var group errgroup.Group
	group.Go(func() error {
		d, err := q.Take(t.Context(), jobs.Segment)
		if err != nil {
			return err
		}
		return d.Ack(t.Context())
	})
	time.Sleep(50 * time.Millisecond) // most likely it waits by now; either order must work
	publish(t, q, segment(0))
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	wantIdle(t, q, jobs.Segment)
}

// testManyWorkers: every job reaches exactly one of many workers.
func testManyWorkers(t *testing.T, q Queue) {
	const n = 100
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	taken := make(map[string]int)
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			for {
				d, err := q.Take(ctx, jobs.Segment)
				if err != nil {
					return ctx.Err() // must be why
				}
				if err := d.Ack(t.Context()); err != nil {
					return err
				}
				mu.Lock()
				if taken[d.Job().ID]++; len(taken) == n {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		publish(t, q, segment(i))
	}
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for id, times := range taken {
		if times != 1 {
			t.Errorf("%s was taken %d times", id, times)
		}
	}
}
