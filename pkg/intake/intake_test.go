package intake

import (
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

func model() *segment.Model {
	return &segment.Model{
		Ref: segment.ModelRef{Name: "m", SHA256: "ab"}, Field: segment.Field{Align: 32, Halo: 32},
		Description: segment.Description{MPP: 1.3},
	}
}

func picture(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "picture.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, image.NewRGBA(image.Rect(0, 0, 64, 48))), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScaleIsKnownOrTheSlideIsRefused(t *testing.T) {
	path := picture(t)
	for _, c := range []struct {
		mpp  float64
		want string // "" if taken
	}{{0, "--mpp"}, {0.5, ""}, {2.5, ""}, {3, "coarser"}} {
		o, err := Prepare(t.Context(), path, PrepareConfig{Model: model(), Parameters: segment.Parameters{MPP: c.mpp}})
		var refusal *Refusal
		switch {
		case c.want == "" && err != nil:
			t.Errorf("mpp %g: %v", c.mpp, err)
		case c.want == "" && (o.Parameters.Region == 0 || o.Parameters.Threshold == 0):
			t.Errorf("mpp %g: parameters are not settled: %+v", c.mpp, o.Parameters)
		case c.want != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("mpp %g: error %v, want a refusal that says %q", c.mpp, err, c.want)
		}
	}
}

func TestCoarseSlideIsRefused(t *testing.T) {
	info := slide.Info{MPP: pyramid.MPP{X: 4, Y: 4, Source: pyramid.FromFile}}
	if err := CheckScale(info, model()); err == nil || !strings.Contains(err.Error(), "coarser") {
		t.Errorf("error %v", err)
	}
}

// TestWaitHearsOfADeathWithoutEvents: events may be lost; the dead list is asked all the same.
func TestWaitHearsOfADeathWithoutEvents(t *testing.T) {
	q := jobsmem.New(jobsmem.Config{})
	o, err := Prepare(t.Context(), picture(t), PrepareConfig{Model: model(), Parameters: segment.Parameters{MPP: 1}})
	if err != nil {
		t.Fatal(err)
	}
	job, err := o.Job()
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Bury(t.Context(), jobs.Dead{Job: job, Reason: "the disk burnt"}); err != nil {
		t.Fatal(err)
	}
	d := &Desk{Bucket: mem.New(), Queue: q, Events: make(chan jobs.Event)}
	var failure *Failure
	if _, err := d.Wait(t.Context(), o, nil); !errors.As(err, &failure) || failure.Reason != "the disk burnt" {
		t.Errorf("error %v", err)
	}
	// Ordered again, the death is forgotten and the job is there to be taken.
	if err := d.Submit(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if got, err := q.Take(ctx, jobs.Tile); err != nil || got.Job().ID != job.ID {
		t.Errorf("took %v, %v", got, err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := d.Wait(ctx, o, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that nobody wants any more ends with %v", err)
	}
}

// TestAnothersDeath: an order of the same slide at a wrong scale fails alone: neither does the other wait in vain, nor
// is the death forgotten when the other is submitted.
func TestAnothersDeath(t *testing.T) {
	q, path := jobsmem.New(jobsmem.Config{}), picture(t)
	var orders []*Order
	for _, mpp := range []float64{1, 1.5} {
		o, err := Prepare(t.Context(), path, PrepareConfig{Model: model(), Parameters: segment.Parameters{MPP: mpp}})
		if err != nil {
			t.Fatal(err)
		}
		orders = append(orders, o)
	}
	job, err := orders[1].Job()
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Bury(t.Context(), jobs.Dead{Job: job, Reason: "the wrong scale"}); err != nil {
		t.Fatal(err)
	}
	d := &Desk{Bucket: mem.New(), Queue: q}
	if report, err := d.end(t.Context(), orders[0]); report != nil || err != nil {
		t.Errorf("the other order ended: %v", err)
	}
	if err := d.Submit(t.Context(), orders[0]); err != nil {
		t.Fatal(err)
	}
	var failure *Failure
	if _, err := d.end(t.Context(), orders[1]); !errors.As(err, &failure) {
		t.Errorf("its own order: %v", err)
	}
}

// TestTornReportNamesItself: a run whose report cannot be read says which object to remove.
func TestTornReportNamesItself(t *testing.T) {
	o := &Order{Slide: pyramid.SlideID{1}, Run: pyramid.RunID{2}}
	b := mem.New()
	d := &Desk{Bucket: b, Queue: jobsmem.New(jobsmem.Config{})}
	if _, err := d.Report(t.Context(), o); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error %v where there is nothing", err)
	}
	keys := store.Slide(o.Slide).Run(o.Run)
	for _, key := range []string{keys.Manifest(), keys.Report()} {
		if err := b.Put(t.Context(), key, strings.NewReader("{"), 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Report(t.Context(), o); err == nil || !strings.Contains(err.Error(), keys.Manifest()) {
		t.Errorf("error %v does not say what to remove", err)
	}
}
