package watch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/slide"
)

// far has the reception read a file as if it lay on a network drive, which does not answer before it is told to.
func (s *scanner) far(t *testing.T, file string, silence time.Duration) (answer func()) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir, file))
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan struct{})
	r := *s.Reception
	r.Patience = &intake.Patience{Silence: silence}
	r.Remote = func(context.Context, string) (slide.Source, error) {
		<-answers
		return slide.Source{ReaderAt: bytes.NewReader(data), Closer: io.NopCloser(nil), Size: int64(len(data))}, nil
	}
	s.take = func(ctx context.Context, q intake.Request) (intake.Taken, error) {
		if filepath.Base(q.Path) == file {
			q.Path = "far://" + file
		}
		return r.Take(ctx, q)
	}
	return func() { close(answers) }
}

func (s *scanner) states() map[string]string {
	states := map[string]string{}
	for _, one := range s.Slides() {
		states[one.File] = one.State
	}
	return states
}

// A file whose read hangs fails by its reason, once, and stays where it is; the others are taken at the next look, so that
// this one can end. It is taken, too, when its storage answers again.
func TestHangingFile(t *testing.T) {
	s := newScanner(t)
	s.Quarantine = filepath.Join(t.TempDir(), "failed")
	s.picture(t, "a.png", 1)
	s.picture(t, "b.png", 2)
	s.worklist(t, "a.png,A1,,1\nb.png,A2,,1\n")
	answer := s.far(t, "a.png", 500*time.Millisecond)
	for i, want := range []struct {
		open int
		a, b string
	}{{2, "", ""}, {1, intake.Failed, ""}, {0, intake.Failed, intake.Waiting}} {
		open, err := s.Look(t.Context())
		if got := s.states(); open != want.open || err != nil || got["a.png"] != want.a || got["b.png"] != want.b {
			t.Fatalf("look %d: %d files are open, %v, states %v", i, open, err, got)
		}
	}
	again := func() {
		s.files["a.png"].again = time.Now().Add(-time.Second)
		s.look(t)
	}
	again()
	if len(s.told) != 2 || !strings.Contains(s.told[0].Reason, "did not open") {
		t.Errorf("told %+v", s.told)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "a.png")); err != nil {
		t.Error("it was moved away")
	}
	if rest := time.Until(s.files["a.png"].again).Round(time.Minute); rest != 30*time.Minute {
		t.Errorf("tried again in %v", rest)
	}
	answer()
	for deadline := time.Now().Add(time.Minute); s.states()["a.png"] != intake.Waiting && time.Now().Before(deadline); {
		again() // as soon as the read that was left behind has ended
	}
	if got := s.states(); got["a.png"] != intake.Waiting || s.Open() != 2 {
		t.Errorf("states %v", got)
	}
}

// Who interrupts a watch waits for no read that hangs.
func TestInterruptedRead(t *testing.T) {
	s := newScanner(t)
	s.picture(t, "a.png", 1)
	defer s.far(t, "a.png", time.Hour)()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	s.Every = time.Millisecond
	started := time.Now()
	if err := s.Run(ctx, false); !errors.Is(err, context.DeadlineExceeded) || time.Since(started) > 30*time.Second {
		t.Errorf("%v after %v", err, time.Since(started))
	}
}

// hang makes the folder silent from the next look on. The files that it gives are listed before.
func (s *scanner) hang() (answer func()) {
	answers := make(chan struct{})
	s.silence = 50 * time.Millisecond
	s.walk = func(root string, visit fs.WalkDirFunc) error {
		<-answers
		return filepath.WalkDir(root, visit)
	}
	return func() { close(answers) }
}

// A folder that does not answer is told of once, by log and to whoever asks; meanwhile the orders are followed, and no
// other look is begun. When it answers the watch goes on. Who interrupts it waits for nothing.
func TestSilentFolder(t *testing.T) {
	s := newScanner(t)
	var log bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	s.picture(t, "a.png", 1)
	s.worklist(t, "a.png,A1,,1\nb.png,A2,,1\n")
	s.look(t)
	walks := 0
	answer := s.hang()
	inner := s.walk
	s.walk = func(root string, visit fs.WalkDirFunc) error { walks++; return inner(root, visit) }
	s.picture(t, "b.png", 2)
	for i := range 3 {
		unsettled, err := s.Look(t.Context())
		if unsettled != 1 || errors.Is(err, errSilent) != (i == 0) || s.Silent().IsZero() {
			t.Errorf("look %d: %d, %v, silent since %v", i, unsettled, err, s.Silent())
		}
	}
	ended := s.Slides()[0].Slide
	if err := s.Judge.Close(t.Context(), ended, intake.End{State: intake.Cancelled, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Look(t.Context()); err != nil || s.states()["a.png"] != intake.Cancelled {
		t.Errorf("orders are not followed: %v, %v", s.states(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.silence = time.Hour
	if _, err := s.Look(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	answer()
	s.look(t)
	if walks != 3 || !s.Silent().IsZero() || !strings.Contains(log.String(), "answers again") || s.states()["b.png"] != intake.Waiting {
		t.Errorf("%d walks, silent since %v, %v, log %s", walks, s.Silent(), s.states(), &log)
	}
}

// Nor does who asks once what is missing there.
func TestInterruptedInventory(t *testing.T) {
	s := newScanner(t)
	defer s.hang()()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.inventory(ctx, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// A file that cannot be moved to quarantine, because the folder does not answer, holds nobody up.
func TestHangingQuarantine(t *testing.T) {
	s := newScanner(t)
	s.Quarantine, s.silence = filepath.Join(t.TempDir(), "failed"), 20*time.Millisecond
	hangs := make(chan struct{})
	s.moving = begin(func(func()) move { <-hangs; return move{} })
	if err := s.putAway(t.Context(), &Slide{File: "a.png"}); !errors.Is(err, errUnderway) {
		t.Errorf("error %v", err)
	}
	close(hangs)
	for deadline := time.Now().Add(time.Minute); len(s.moving.ended) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	s.silence = time.Minute
	if s.look(t); s.moving != nil {
		t.Error("nobody notes that it ended")
	}
	s.picture(t, "a.png", 1)
	if err := s.putAway(t.Context(), &Slide{File: "a.png"}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.Quarantine, "a.png")); err != nil {
		t.Error(err)
	}
}

// A folder that gives files is not silent, however long it takes.
func TestSlowFolder(t *testing.T) {
	e := begin(func(alive func()) int {
		for range 20 {
			time.Sleep(20 * time.Millisecond)
			alive()
		}
		return 7
	})
	if n, err := e.wait(t.Context(), 200*time.Millisecond); n != 7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
