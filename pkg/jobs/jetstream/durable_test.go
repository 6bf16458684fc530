package jetstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// victimDir, in the environment, makes the test's program the victim of TestKilled.
const victimDir = "SLIDEMILL_TEST_VICTIM_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

var (
	slide = pyramid.SlideID{1}
	run   = pyramid.RunID{2}
)

// victim publishes, acks, finishes and buries, says how far it is, and goes on until it is killed.
func victim(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println("victim:", err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	q, err := jetstream.Open(ctx, jetstream.Config{Dir: dir, AckWait: time.Second})
	fail(err)
	for i := 0; ; i += 2 {
		fail(q.Publish(ctx, jobs.NewSegment(slide, run, i)))
		fail(q.Publish(ctx, jobs.NewSegment(slide, run, i+1)))
		d, err := q.Take(ctx, jobs.Segment) // half of them
		fail(err)
		_, err = q.Finish(ctx, slide, run, i, 1000)
		fail(err)
		fail(d.Ack(ctx))
		fail(q.Bury(ctx, jobs.Dead{Job: jobs.NewSegment(slide, run, i), Reason: "test"}))
		fmt.Println("did", i)
	}
}

// TestKilled: a process that is killed (signal 9) in the middle of its work loses nothing that it was
// told is done.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	rounds := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "did %d", &i); err != nil {
			t.Fatal(lines.Text())
		}
		if rounds = i / 2; rounds == 10 {
			cmd.Process.Kill()
		}
	}
	cmd.Wait() // was killed
	if rounds < 10 {
		t.Fatalf("the victim died after %d rounds", rounds)
	}

	q := open(t, jetstream.Config{Dir: dir, AckWait: time.Second})
	dead, err := q.Dead(t.Context())
	if err != nil || len(dead) < rounds+1 {
		t.Errorf("%d dead jobs, %v, want at least %d", len(dead), err, rounds+1)
	}
	left := make(map[int]bool)
	for range rounds + 1 { // of 2 per round, 1 was acked
		d, err := q.Take(t.Context(), jobs.Segment)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
		left[d.Job().Batch] = true
	}
	for i := rounds + 1; i < 2*(rounds+1); i++ { // taken in order, so the later half is left
		if !left[i] && !left[i+1] && !left[i-1] {
			t.Errorf("batch %d is lost; left: %v", i, left)
		}
	}
	// Each finished part is still marked: finishing the others completes the run.
	for i := range 1000 {
		if i%2 == 0 && i/2 <= rounds {
			continue
		}
		if i == 999 {
			break
		}
		if all, err := q.Finish(t.Context(), slide, run, i, 1000); err != nil || all {
			t.Fatalf("part %d: %v, %v", i, all, err)
		}
	}
	if all, err := q.Finish(t.Context(), slide, run, 999, 1000); err != nil || !all {
		t.Errorf("the last part: %v, %v: a finished part was lost", all, err)
	}
}

func open(t *testing.T, c jetstream.Config) *jetstream.Queue {
	t.Helper()
	q, err := jetstream.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

// TestLocked: two servers never share a directory, and the second says what to do.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	q := open(t, jetstream.Config{Dir: dir, Unsynced: true})
	for _, fresh := range []bool{false, true} {
		_, err := jetstream.Open(t.Context(), jetstream.Config{Dir: dir, Fresh: fresh})
		if err == nil || !strings.Contains(err.Error(), "another slidemill") {
			t.Errorf("second open: %v", err)
		}
	}
	if err := q.Publish(t.Context(), jobs.NewStitch(slide, run)); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, jetstream.Config{Dir: dir, Unsynced: true}) // the lock is gone with its holder
}

func TestFresh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := open(t, jetstream.Config{Dir: dir, Unsynced: true})
	if err := q.Publish(t.Context(), jobs.NewStitch(slide, run)); err != nil {
		t.Fatal(err)
	}
	if slides, err := q.Slides(t.Context()); err != nil || len(slides) != 1 || slides[slide] != 1 {
		t.Errorf("jobs of slides %v, %v", slides, err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, jetstream.Config{Dir: dir, Fresh: true, Unsynced: true})
	if slides, err := q.Slides(t.Context()); err != nil || len(slides) != 0 {
		t.Errorf("a fresh queue has jobs of %v, %v", slides, err)
	}
	depths, err := q.Depths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range depths {
		if d.Waiting+d.InHand != 0 {
			t.Errorf("a fresh queue holds %+v", d)
		}
	}
}

// TestFull: a queue at its limit refuses, keeps what it has, and takes more when there is room.
func TestFull(t *testing.T) {
	t.Parallel()
	q := open(t, jetstream.Config{Dir: t.TempDir(), MaxBytes: 20_000, Unsynced: true})
	n := 0
	var err error
	for ; err == nil && n < 1000; n++ {
		err = q.Publish(t.Context(), jobs.NewSegment(slide, run, n))
	}
	if !errors.Is(err, jobs.ErrFull) || !strings.Contains(err.Error(), "catch up") || n < 10 {
		t.Fatalf("after %d jobs: %v, want ErrFull with a hint", n, err)
	}
	for range 5 {
		d, err := q.Take(t.Context(), jobs.Segment)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Publish(t.Context(), jobs.NewSegment(slide, run, n)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestClosed: a Take that waits ends with the queue, and later calls say so.
func TestClosed(t *testing.T) {
	q := open(t, jetstream.Config{Dir: t.TempDir(), Unsynced: true})
	news, err := q.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	took := make(chan error, 1)
	go func() {
		_, err := q.Take(t.Context(), jobs.Tile)
		took <- err
	}()
	time.Sleep(20 * time.Millisecond) // most likely it waits by now; either order must work
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-took; !errors.Is(err, jobs.ErrClosed) {
		t.Errorf("take: %v, want ErrClosed", err)
	}
	if _, ok := <-news; ok {
		t.Error("news from a closed queue")
	}
	if err := q.Publish(t.Context(), jobs.NewStitch(slide, run)); !errors.Is(err, jobs.ErrClosed) {
		t.Errorf("publish: %v, want ErrClosed", err)
	}
}

// TestDamagedDir: a file where the server wants a folder is an error with its reason, no panic.
func TestDamagedDir(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []jetstream.Config{{Dir: file}, {}, {Dir: t.TempDir(), Name: "a.b"}, {Dir: t.TempDir(), Replicas: 3}, {URL: "nats://h", Cert: "x"}} {
		if q, err := jetstream.Open(t.Context(), c); err == nil {
			q.Close()
			t.Errorf("%+v was opened", c)
		}
	}
}

// TestOtherCount: marks of another total are refused, until the run is begun anew.
func TestOtherCount(t *testing.T) {
	t.Parallel()
	q := open(t, jetstream.Config{Dir: t.TempDir(), Unsynced: true})
	mark := func(part, total int) (bool, error) { return q.Finish(t.Context(), slide, run, part, total) }
	if all, err := mark(0, 2); all || err != nil {
		t.Fatal(all, err)
	}
	if _, err := mark(1, 3); !errors.Is(err, jobs.ErrInvalid) {
		t.Errorf("part of three in a run of two: %v", err)
	}
	if err := q.Unfinish(t.Context(), slide, run, 2, 3); err != nil {
		t.Errorf("begun anew: %v", err)
	}
	for part, want := range []bool{false, false, true} {
		if all, err := mark(part, 3); all != want || err != nil {
			t.Errorf("part %d: all %v, %v", part, all, err)
		}
	}
}
