package workers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// dead is a slide on a storage that does not answer any more: a read ends when the test does, whatever becomes of
// its context.
type dead struct {
	slide.Slide
	asked, gone chan struct{}
}

func (d *dead) Info() slide.Info {
	size := pyramid.Size{W: 300, H: 200}
	return slide.Info{Levels: []slide.Level{{Size: size, TileSize: pyramid.Size{W: 64, H: 64}, Downsample: 1}}, MPP: pyramid.MPP{X: 1, Y: 1, Source: pyramid.FromFile}}
}

func (d *dead) ReadTile(context.Context, int, int, int, *image.RGBA) error {
	select {
	case d.asked <- struct{}{}:
	default:
	}
	<-d.gone
	return errors.New("gone")
}

// A slide whose storage stops answering while it is cut fails for good and says what to do, and its worker is free
// again; one whose worker is being stopped is no slide that failed.
func TestDeadStorage(t *testing.T) {
	for name, c := range map[string]struct {
		floor    time.Duration
		want     error
		finished bool
	}{
		"time is over":   {20 * time.Millisecond, errSlow, true},
		"worker stopped": {time.Hour, errStuck, false},
	} {
		t.Run(name, func(t *testing.T) {
			stop, cancel := context.WithCancel(t.Context())
			defer cancel()
			d := &dead{asked: make(chan struct{}, 1), gone: make(chan struct{})}
			defer close(d.gone)
			ctx, clock := newClock(stop, allowance{floor: c.floor, ceiling: time.Hour, grace: time.Millisecond})
			defer clock.stop()
			if !c.finished {
				go func() { <-d.asked; cancel() }()
			}
			err := clock.do(ctx, func() error {
				_, err := tiler.Cut(ctx, tiler.Config{Slide: d, Bucket: memstore.New(), Workers: 2})
				return err
			})
			var permanent *Permanent
			if !errors.Is(err, c.want) || errors.As(err, &permanent) != c.finished {
				t.Errorf("error %v", err)
			}
			if reason := intake.Reason(err); c.finished && (!strings.HasPrefix(reason, "The slide takes for ever") || !strings.Contains(reason, "storage")) {
				t.Errorf("reason %q", reason)
			}
		})
	}
}

// The tile stage keeps to the allowance: with none a slide is refused before it is read.
func TestNoTimeAtAll(t *testing.T) {
	q := mem.New(mem.Config{})
	tile := &Tile{Bucket: memstore.New(), Queue: q, Events: q, limit: &allowance{grace: time.Minute}}
	err := tile.cutInTime(t.Context(), jobs.Job{Source: "nowhere.svs"}, segment.Parameters{})
	var permanent *Permanent
	if !errors.As(err, &permanent) || !errors.Is(err, errSlow) {
		t.Errorf("error %v", err)
	}
}

// slowStore takes its time over every object, longer than the slide has.
type slowStore struct{ store.Bucket }

func (s slowStore) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if !pause(ctx, 60*time.Millisecond) {
		return ctx.Err()
	}
	return s.Bucket.Put(ctx, key, r, size)
}

// A slow store is no fault of the slide's; a slide that gives an archive nothing is.
func TestClockStandsForTheStore(t *testing.T) {
	short := allowance{floor: 30 * time.Millisecond, ceiling: time.Hour, grace: time.Minute}
	t.Run("slow store", func(t *testing.T) {
		ctx, clock := newClock(t.Context(), short)
		defer clock.stop()
		b := &heldBucket{slowStore{memstore.New()}, clock}
		if err := clock.do(ctx, func() error { return b.Put(ctx, "a", bytes.NewReader([]byte("x")), 1) }); err != nil {
			t.Error(err)
		}
	})
	t.Run("archive", func(t *testing.T) {
		ctx, clock := newClock(t.Context(), short)
		defer clock.stop()
		b := &heldBucket{memstore.New(), clock}
		out, in := io.Pipe()
		context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
		if err := clock.do(ctx, func() error { return b.Put(ctx, "a", out, -1) }); !errors.Is(err, errSlow) {
			t.Errorf("error %v", err)
		}
	})
}

// What a slide is granted grows with its bytes and pixels, up to the ceiling.
func TestAllowance(t *testing.T) {
	_, c := newClock(t.Context(), cutAllowance)
	defer c.stop()
	c.grantBytes(2e9)
	c.grantPixels(3e9)
	if want := 15*time.Minute + 2*5*time.Minute + 3*30*time.Minute; c.granted != want || c.rest != want {
		t.Errorf("granted %v, left %v, want %v", c.granted, c.rest, want)
	}
	c.grantPixels(1 << 62)
	if c.granted != cutAllowance.ceiling {
		t.Errorf("a slide that claims 2^62 pixels is granted %v", c.granted)
	}
}

// What a worker knows of its bucket it knows through the clock, too.
func TestHeldBucketPacks(t *testing.T) {
	packing := szi.New(memstore.New())
	packing.Pack = true
	if !szi.Packs(&heldBucket{packing, nil}) || szi.Packs(&heldBucket{memstore.New(), nil}) {
		t.Error("packing is not seen through the clock")
	}
}

// A panic in the work is the caller's, who makes a failed job of it, with the stack of the fault and not of
// where it is passed on.
func TestPanicInTime(t *testing.T) {
	ctx, c := newClock(t.Context(), cutAllowance)
	defer c.stop()
	defer func() {
		p := recover()
		if fmt.Sprint(p) != "boom" || !bytes.Contains(stackOf(p), []byte("workers.faulty(")) {
			t.Errorf("panic %v at\n%s", p, stackOf(p))
		}
	}()
	t.Error(c.do(ctx, faulty))
}

// Outside the queue nobody takes the stack down: it is in what the terminal shows.
func TestPanicOutside(t *testing.T) {
	ctx, budget := NewBudget(t.Context())
	defer budget.Close()
	defer func() {
		if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "boom\n") || !strings.Contains(text, "workers.faulty(") {
			t.Errorf("panic %q", text)
		}
	}()
	t.Error(budget.Do(ctx, faulty))
}

//go:noinline
func faulty() error { panic("boom") }

// Work that is left behind is counted until it ends, and the slide of a command that cuts it outside the queue is known
// to be in use.
func TestLeftBehind(t *testing.T) {
	ctx, budget := newBudget(t.Context(), allowance{floor: time.Millisecond, ceiling: time.Hour, grace: time.Millisecond})
	defer budget.Close()
	changes := make(chan int, 2)
	budget.clock.behind = func(change int) { changes <- change }
	d := &dead{asked: make(chan struct{}, 1), gone: make(chan struct{})}
	err := budget.Do(ctx, func() error { return d.ReadTile(ctx, 0, 0, 0, nil) })
	if !errors.Is(err, errSlow) || !budget.LeftBehind() || <-changes != 1 {
		t.Errorf("error %v, left behind: %v", err, budget.LeftBehind())
	}
	close(d.gone)
	if change := <-changes; change != -1 {
		t.Errorf("the end counts %d", change)
	}
	if budget.LeftBehind() {
		t.Error("work that has ended is still left behind")
	}
}

// What a command is granted is what the stage grants; nothing is left behind of work that ends.
func TestBudget(t *testing.T) {
	ctx, budget := NewBudget(t.Context())
	budget.Grant(1e9, 1e9)
	if budget.clock.granted != 50*time.Minute {
		t.Errorf("granted %v", budget.clock.granted)
	}
	b := budget.Bucket(memstore.New())
	if err := budget.Do(ctx, func() error { return b.Put(ctx, "a", bytes.NewReader([]byte("x")), 1) }); err != nil || budget.LeftBehind() {
		t.Error(err)
	}
	budget.Close()
	if ctx.Err() == nil {
		t.Error("the context outlives the budget")
	}
}

// silent are bytes that never come.
type silent struct{ ended <-chan struct{} }

func (s silent) ReadAt([]byte, int64) (int, error) {
	<-s.ended
	return 0, errors.New("nothing came")
}

func (s silent) Close() error { return nil }

// A slide elsewhere is given time for its bytes as a file is.
func TestTimeForRemoteBytes(t *testing.T) {
	remote := func(ctx context.Context, _ string) (slide.Source, error) {
		s := silent{ctx.Done()}
		return slide.Source{ReaderAt: s, Closer: s, Size: 2e9}, nil
	}
	tile := &Tile{Remote: remote, limit: &allowance{floor: 100 * time.Millisecond, perGigabyte: time.Second, ceiling: time.Hour, grace: time.Second}}
	err := tile.cutInTime(t.Context(), jobs.Job{Source: "s3://slides/x"}, segment.Parameters{})
	if !errors.Is(err, errSlow) || !strings.Contains(err.Error(), "in 2s,") {
		t.Errorf("error %v", err)
	}
}
