package jobstest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

func finish(t *testing.T, q jobs.Queue, r pyramid.RunID, part, total int) bool {
	t.Helper()
	all, err := q.Finish(t.Context(), slideA, r, part, total)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// testFinish: the call that completes a run says so, and so do all after it; marking a part twice
// counts once; runs don't mix.
func testFinish(t *testing.T, q Queue) {
	other := pyramid.RunID{2}
	for _, step := range []struct {
		run  pyramid.RunID
		part int
		want bool
	}{
		{run, 0, false}, {run, 0, false}, {run, 2, false}, {other, 1, false}, {other, 1, false},
		{run, 1, true}, {run, 1, true}, {run, 0, true}, {other, 0, false}, {other, 2, true},
	} {
		if got := finish(t, q, step.run, step.part, 3); got != step.want {
			t.Errorf("run %s, part %d: %v, want %v", step.run, step.part, got, step.want)
		}
	}
	if !finish(t, q, pyramid.RunID{3}, 0, 1) {
		t.Error("the only part does not complete")
	}
}

// testUnfinish: a part whose mark was taken back is missing again, whoever asks, and no other is; then the jobs that
// come after may be published once more, and only then.
func testUnfinish(t *testing.T, q Queue) {
	later := []jobs.Job{segment(0), jobs.NewStitch(slideA, run)}
	for _, part := range []int{0, 1, 2} {
		finish(t, q, run, part, 3)
	}
	finish(t, q, pyramid.RunID{2}, 1, 2)
	for life := range 2 {
		publish(t, q, later...)
		for _, job := range later {
			ack(t, takeJob(t, q, job, 1))
		}
		publish(t, q, later...) // dropped
		if life > 0 {
			break
		}
		unfinish(t, q, run, 1, 3)
	}
	unfinish(t, q, run, 1, 3) // it has no mark: nothing is allowed
	publish(t, q, later...)
	wantIdle(t, q, jobs.Segment)
	wantIdle(t, q, jobs.Stitch)
	for _, part := range []int{0, 2} {
		if finish(t, q, run, part, 3) {
			t.Errorf("part %d completes a run that lacks part 1", part)
		}
	}
	if !finish(t, q, run, 1, 3) || !finish(t, q, pyramid.RunID{2}, 0, 2) {
		t.Error("more than one part was forgotten")
	}
	unfinish(t, q, pyramid.RunID{9}, 0, 1) // a run that nobody has marked
	if err := q.Unfinish(t.Context(), slideA, run, 3, 3); !errors.Is(err, jobs.ErrInvalid) {
		t.Errorf("part 3 of 3: %v", err)
	}
}

func unfinish(t *testing.T, q jobs.Queue, r pyramid.RunID, part, total int) {
	t.Helper()
	if err := q.Unfinish(t.Context(), slideA, r, part, total); err != nil {
		t.Fatal(err)
	}
}

func testFinishBounds(t *testing.T, q Queue) {
	for _, c := range [][2]int{{-1, 3}, {3, 3}, {0, 0}, {0, -1}, {0, jobs.MaxParts + 1}} {
		if _, err := q.Finish(t.Context(), slideA, run, c[0], c[1]); !errors.Is(err, jobs.ErrInvalid) {
			t.Errorf("part %d of %d: %v, want ErrInvalid", c[0], c[1], err)
		}
	}
	const total = jobs.MaxParts
	for _, part := range []int{0, total - 1, total / 2} { // the largest fits
		if finish(t, q, run, part, total) {
			t.Errorf("part %d of %d completes", part, total)
		}
	}
}

// testFinishConcurrent: however the calls interleave, some report completion, and none before all
// parts are marked.
func testFinishConcurrent(t *testing.T, q Queue) {
	const total = 60
	var begun, reports atomic.Int64
	var group errgroup.Group
	group.SetLimit(12)
	for i := range 2 * total {
		group.Go(func() error { // every part twice
			begun.Add(1)
			all, err := q.Finish(t.Context(), slideA, run, i%total, total)
			if all {
				reports.Add(1)
				if begun.Load() < total {
					return errors.New("complete before every part began")
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if reports.Load() < 1 {
		t.Error("nobody was told that all parts are finished")
	}
	if !finish(t, q, run, 0, total) {
		t.Error("not complete in the end")
	}
}

func testDead(t *testing.T, q Queue) {
	wantDead(t, q)
	at := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	late := jobs.Dead{Job: segment(0), Reason: "region 12,7: tile 9/3_4 can't be decoded", At: at.Add(time.Hour)}
	early := jobs.Dead{Job: jobs.NewTile(slideB, "/scans/b.svs", nil), Reason: "no scale: give --mpp", At: at}
	for _, d := range []jobs.Dead{late, early, late} { // burying twice is harmless
		if err := q.Bury(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	got := wantDead(t, q, early.Job.ID, late.Job.ID)
	if diff := cmp.Diff([]jobs.Dead{early, late}, got); diff != "" {
		t.Errorf("dead list (-want +got):\n%s", diff)
	}
	for range 2 { // forgetting what is not there is harmless
		if err := q.Forget(t.Context(), early); err != nil {
			t.Fatal(err)
		}
	}
	wantDead(t, q, late.Job.ID)
	before := late
	before.At = late.At.Add(-time.Hour)
	if err := q.Forget(t.Context(), before); err != nil { // of an earlier time: it has died again since
		t.Fatal(err)
	}
	wantDead(t, q, late.Job.ID)
}

// testRetry: a job that was buried and forgotten may be published again at once, and once.
func testRetry(t *testing.T, q Queue) {
	publish(t, q, segment(0))
	for range 2 {
		d := takeJob(t, q, segment(0), 1)
		dead := jobs.Dead{Job: d.Job(), Reason: "disk full", At: time.Now()}
		if err := q.Bury(t.Context(), dead); err != nil {
			t.Fatal(err)
		}
		if err := d.Term(t.Context(), "disk full"); err != nil {
			t.Fatal(err)
		}
		wantDead(t, q, segment(0).ID)
		if err := q.Forget(t.Context(), dead); err != nil {
			t.Fatal(err)
		}
		wantDead(t, q)
		publish(t, q, segment(0), segment(0))
	}
	ack(t, takeJob(t, q, segment(0), 1))
	publish(t, q, segment(0))
	wantIdle(t, q, jobs.Segment)
}

func testGauge(t *testing.T, q Queue) {
	gauge, ok := q.(jobs.Gauge)
	if !ok {
		t.Skip("this driver counts nothing")
	}
	stat := segment(7)
	stat.Priority = jobs.Stat
	publish(t, q, segment(0), segment(1), stat)
	awaitWaiting(t, q, 3)
	d := takeJob(t, q, stat, 1)
	want := []jobs.Depth{
		{Stage: jobs.Segment, Priority: jobs.Routine, Waiting: 2},
		{Stage: jobs.Segment, Priority: jobs.Stat, InHand: 1},
	}
	depths, err := gauge.Depths(t.Context())
	if err != nil || len(depths) != len(jobs.Stages())*len(jobs.Priorities()) {
		t.Fatalf("%d depths, %v", len(depths), err)
	}
	depths = slices.DeleteFunc(depths, func(d jobs.Depth) bool { return d.Waiting+d.InHand == 0 })
	slices.SortFunc(depths, func(a, b jobs.Depth) int { return int(b.Waiting - a.Waiting) })
	if diff := cmp.Diff(want, depths); diff != "" {
		t.Errorf("depths (-want +got):\n%s", diff)
	}
	ack(t, d)
}

func testCancel(t *testing.T, q Queue) {
	canceller, ok := q.(jobs.Canceller)
	if !ok {
		t.Skip("this driver cancels nothing")
	}
	other := jobs.NewSegment(slideB, run, 0)
	publish(t, q, segment(0), other, segment(1), jobs.NewStitch(slideA, run))
	if n, err := canceller.Cancel(t.Context(), slideA); n != 3 || err != nil {
		t.Errorf("cancelled %d jobs, %v, want 3", n, err)
	}
	ack(t, takeJob(t, q, other, 1))
	wantIdle(t, q, jobs.Segment)
	wantIdle(t, q, jobs.Stitch)
}

// testCancelledAgain: a slide that was cancelled can be ordered again at once. None of its jobs is dropped as
// published lately, whether it waited, was in hand or was done; and each comes once.
func testCancelledAgain(t *testing.T, q Queue) {
	canceller, ok := q.(jobs.Canceller)
	if !ok {
		t.Skip("this driver cancels nothing")
	}
	tile, stitch := jobs.NewTile(slideA, "/scans/a.svs", nil), jobs.NewStitch(slideA, run)
	publish(t, q, tile, segment(0), segment(1), stitch)
	ack(t, takeJob(t, q, tile, 1))
	ack(t, takeJob(t, q, segment(0), 1))
	inHand := takeJob(t, q, segment(1), 1)
	for range 2 {
		if _, err := canceller.Cancel(t.Context(), slideA); err != nil {
			t.Fatal(err)
		}
		publish(t, q, tile, segment(0), segment(1), stitch)
		publish(t, q, tile, segment(0), segment(1), stitch)
		for _, want := range []jobs.Job{tile, segment(0), segment(1), stitch} {
			ack(t, takeJob(t, q, want, 1))
		}
		publish(t, q, segment(1)) // lately again
		for _, s := range jobs.Stages() {
			wantIdle(t, q, s)
		}
	}
	ack(t, inHand) // changes nothing
}

// testWithdraw: one waiting job is taken back, and no other of its slide; it can be published at another priority
// at once, and comes once.
func testWithdraw(t *testing.T, q Queue) {
	withdrawer, ok := q.(jobs.Withdrawer)
	if !ok {
		t.Skip("this driver withdraws nothing")
	}
	one, other := jobs.NewTile(slideA, "/scans/a.svs", []byte("1")), jobs.NewTile(slideA, "/scans/a.svs", []byte("2"))
	publish(t, q, one, other, segment(0))
	for _, want := range []bool{true, false} {
		if was, err := withdrawer.Withdraw(t.Context(), one.ID); was != want || err != nil {
			t.Errorf("withdrawn %v, %v, want %v", was, err, want)
		}
	}
	one.Priority, one.Turn = jobs.Stat, 70
	publish(t, q, one)
	publish(t, q, one)
	ack(t, takeJob(t, q, one, 1))
	ack(t, takeJob(t, q, other, 1))
	ack(t, takeJob(t, q, segment(0), 1))
	for _, s := range jobs.Stages() {
		wantIdle(t, q, s)
	}
	if _, err := withdrawer.Withdraw(t.Context(), "no job"); err == nil {
		t.Error("what is no job was withdrawn")
	}
}

// testMoves: a job that waits is published on another lane, where it waits too, and withdrawn from all but that: at no
// time it waits nowhere, then it comes once, at its new priority, and may not be published a second time.
func testMoves(t *testing.T, q Queue) {
	withdrawer, able := q.(jobs.Withdrawer)
	repeater, repeats := q.(jobs.Repeater)
	if !able || !repeats {
		t.Skip("this driver moves nothing")
	}
	one, other := jobs.NewTile(slideA, "/scans/a.svs", []byte("1")), jobs.NewTile(slideA, "/scans/a.svs", []byte("2"))
	publish(t, q, one, other)
	moved := one
	moved.Priority, moved.Turn = jobs.Urgent, 70
	for range 2 { // as if the first mover had been killed before it withdrew
		if err := repeater.Again(t.Context(), moved.ID); err != nil {
			t.Fatal(err)
		}
		publish(t, q, moved)
	}
	for _, want := range []bool{true, false} {
		if was, err := withdrawer.Withdraw(t.Context(), one.ID, moved.Lane()); was != want || err != nil {
			t.Errorf("withdrawn %v, %v, want %v", was, err, want)
		}
	}
	publish(t, q, one) // lately
	ack(t, takeJob(t, q, moved, 1))
	ack(t, takeJob(t, q, other, 1))
	wantIdle(t, q, jobs.Tile)
}

// testDurable: what was published, finished and buried outlives the queue; what was acked stays away.
func testDurable(t *testing.T, c Config) {
	s := Settings{Dir: t.TempDir(), Patience: time.Second, MaxDeliver: 5}
	q := c.Open(t, s)
	publish(t, q, segment(0), segment(1), segment(2))
	ack(t, takeJob(t, q, segment(0), 1))
	takeJob(t, q, segment(1), 1) // in hand when the queue goes
	finish(t, q, run, 0, 2)
	if err := q.Bury(t.Context(), jobs.Dead{Job: segment(9), Reason: "poison"}); err != nil {
		t.Fatal(err)
	}
	shut(t, q)

	q = c.open(t, s)
	wantDead(t, q, segment(9).ID)
	if !finish(t, q, run, 1, 2) {
		t.Error("the part finished before was forgotten")
	}
	left := map[string]bool{}
	for range 2 {
		d := take(t, q, jobs.Segment)
		left[fmt.Sprint(d.Job().Batch, d.Attempt())] = true
		ack(t, d)
	}
	if diff := cmp.Diff(map[string]bool{"1 2": true, "2 1": true}, left); diff != "" {
		t.Errorf("batches and attempts left (-want +got):\n%s", diff)
	}
	wantIdle(t, q, jobs.Segment)
}
