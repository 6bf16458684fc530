package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// storage is where slides lie that are no files. Its reads wait as they are told, whatever becomes of any context, as
// those of a network drive that does not answer do.
type storage struct {
	data  []byte
	opens atomic.Int32
	wait  func(off int64) // before each read
}

func (s *storage) remote(context.Context, string) (slide.Source, error) {
	s.opens.Add(1)
	return slide.Source{ReaderAt: s, Closer: io.NopCloser(nil), Size: int64(len(s.data))}, nil
}

func (s *storage) ReadAt(p []byte, off int64) (int, error) {
	s.wait(off)
	return bytes.NewReader(s.data).ReadAt(p, off)
}

// pictureBytes is a slide of n bytes: a picture and what it does not need.
func pictureBytes(t *testing.T, n int) []byte {
	t.Helper()
	data, err := os.ReadFile(picture(t))
	if err != nil {
		t.Fatal(err)
	}
	return append(data, make([]byte, max(0, n-len(data)))...)
}

func reception(s *storage, p *Patience) *Reception {
	return &Reception{
		Desk: &Desk{Bucket: mem.New(), Queue: jobsmem.New(jobsmem.Config{})}, Model: model(), Parameters: segment.Parameters{MPP: 1},
		Turns: &Turns{open: map[string]int{}}, Remote: s.remote, Patience: p,
	}
}

// A slide whose storage never answers fails by a reason that says what to do, is not read once more while that read
// hangs, however often it is tried, and is taken as soon as the storage answers.
func TestHangingSlide(t *testing.T) {
	answers := make(chan struct{})
	s := &storage{data: pictureBytes(t, 0), wait: func(int64) { <-answers }}
	behind := make(chan int, 10)
	r := reception(s, &Patience{Silence: 500 * time.Millisecond, Behind: func(change int) { behind <- change }})
	for i, want := range []string{"it did not open for 500ms; see whether", "an earlier read of it hangs still; see whether", "an earlier"} {
		taken, err := r.Take(t.Context(), Request{Path: "far://scans/DOE.svs"})
		if err != nil || taken.State != Failed || !taken.Overdue || !strings.Contains(taken.Reason, want) || strings.Contains(taken.Reason, "DOE") {
			t.Fatalf("try %d: %+v, %v", i, taken, err)
		}
	}
	if n := s.opens.Load(); n != 1 || len(behind) != 1 || <-behind != 1 {
		t.Errorf("the slide was opened %d times", n)
	}
	if taken, err := r.Take(t.Context(), Request{Path: picture(t)}); err != nil || taken.State != Waiting {
		t.Errorf("another slide: %+v, %v", taken, err)
	}
	close(answers)
	if change := <-behind; change != -1 {
		t.Errorf("the reads left behind change by %d", change)
	}
	if taken, err := r.Take(t.Context(), Request{Path: "far://scans/DOE.svs"}); err != nil || taken.State != Waiting {
		t.Errorf("once the storage answers: %+v, %v", taken, err)
	}
}

// Reads that hang are left behind in a bounded number, and who is interrupted waits for none.
func TestHangingReadsAreBounded(t *testing.T) {
	answers := make(chan struct{})
	defer close(answers)
	var hang atomic.Int32
	s := &storage{data: pictureBytes(t, 0), wait: func(int64) { hang.Add(1); <-answers }}
	c := PrepareConfig{Model: model(), Remote: s.remote, Patience: &Patience{Silence: time.Millisecond}}
	slides := 0
	prepare := func() error {
		slides++
		_, err := Prepare(t.Context(), fmt.Sprint("far://", slides), c)
		return err
	}
	for hang.Load() < maxBehind && slides < 10_000 { // where a millisecond is short, some are over before they hang
		if err := prepare(); !errors.Is(err, ErrOverdue) {
			t.Fatalf("slide %d: %v", slides, err)
		}
	}
	for range 3 {
		if err := prepare(); !errors.Is(err, ErrOverdue) || !strings.Contains(err.Error(), "reads of 16 other slides hang") {
			t.Errorf("slide %d: %v", slides, err)
		}
	}
	if n := hang.Load(); n != maxBehind {
		t.Errorf("%d reads hang, the bound is %d", n, maxBehind)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Patience, c.Remote = new(Patience), (&storage{data: s.data, wait: func(int64) { cancel(); <-answers }}).remote
	if _, err := Prepare(ctx, "far://y", c); !errors.Is(err, context.Canceled) || errors.Is(err, ErrOverdue) {
		t.Errorf("interrupted: %v", err)
	}
}

// Time is granted for bytes: a slide that takes many times the silence is taken while it comes, and one
// that stops coming is not.
func TestSlowAndSilent(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		pause   time.Duration // of each mebibyte
		silence time.Duration
		late    bool
	}{
		"slow":   {40 * time.Millisecond, 300 * time.Millisecond, false},
		"silent": {110 * time.Millisecond, 100 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &storage{data: pictureBytes(t, 12*mib)}
			s.wait = func(off int64) {
				if off >= mib {
					time.Sleep(c.pause)
				}
			}
			_, err := Prepare(t.Context(), "far://x", PrepareConfig{
				Model: model(), Parameters: segment.Parameters{MPP: 1}, Remote: s.remote, Patience: &Patience{Silence: c.silence},
			})
			if errors.Is(err, ErrOverdue) != c.late || !c.late && err != nil {
				t.Errorf("error %v", err)
			}
			if c.late && !strings.Contains(err.Error(), "less than 300 kB a second of it came for 100ms") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// The time of a mebibyte is that of the slowest rate, and nothing is saved up.
func TestGrant(t *testing.T) {
	r := newReading(time.Hour, func(error) {})
	defer r.stop()
	heard := r.hashes(nil)
	left := func() time.Duration { return time.Until(r.due).Round(time.Second) }
	heard(1 << 20)
	if left() != time.Hour {
		t.Errorf("%v left after a fast mebibyte", left())
	}
	r.due = time.Now().Add(time.Minute)
	heard(1<<20 + 300_000)
	if left() != 61*time.Second {
		t.Errorf("%v left after 300 kB more", left())
	}
	r.opens()
	if left() != time.Hour {
		t.Errorf("%v left to open it", left())
	}
}
