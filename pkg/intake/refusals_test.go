package intake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	jobsmem "github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

func desk(t *testing.T) (*Reception, *jobsmem.Queue) {
	t.Helper()
	q := jobsmem.New(jobsmem.Config{})
	return &Reception{
		Desk: &Desk{Bucket: mem.New(), Queue: q}, Model: model(), Parameters: segment.Parameters{MPP: 1, Threshold: 0.3},
		Turns: &Turns{open: map[string]int{}},
	}, q
}

// refuse hands in a damaged file and returns its line of the list.
func refuse(t *testing.T, r *Reception) (path string, line Line) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "DOE^JANE.png")
	if err := os.WriteFile(path, []byte("\x89PNG\r\n\x1a\n and no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := r.Take(t.Context(), Request{Path: path, Accession: "S26-1", Priority: jobs.Stat})
	if err != nil || taken.State != Failed {
		t.Fatalf("taken as %+v, %v", taken, err)
	}
	return path, onList(t, r, 1)
}

// onList is the first of n refused slides.
func onList(t *testing.T, r *Reception, n int) Line {
	t.Helper()
	list, err := r.Desk.Ledger().Refusals(t.Context(), time.Time{})
	if err != nil || len(list) != n {
		t.Fatalf("%d slides are on the list, %v; want %d", len(list), err, n)
	}
	if n == 0 {
		return Line{}
	}
	return list[0]
}

// wantRetried tries a line again by another command, with parameters of its own, and wants an order as it was wanted first:
// off the list, of S26-1, and with nothing kept of where its file lay. It returns the slide.
func wantRetried(t *testing.T, r *Reception, q *jobsmem.Queue, line Line, priority jobs.Priority) pyramid.SlideID {
	t.Helper()
	r.Parameters = segment.Parameters{}
	taken, err := r.Retry(t.Context(), line)
	if err != nil || taken.State != Waiting {
		t.Fatalf("taken as %+v, %v", taken, err)
	}
	onList(t, r, 0)
	d, err := q.Take(t.Context(), jobs.Tile)
	if err != nil || d.Job().Priority != priority || !bytes.Contains(d.Job().Parameters, []byte(`"threshold":0.3`)) {
		t.Errorf("job %+v, %v", d, err)
	}
	e, err := r.Desk.Ledger().Entry(t.Context(), taken.Slide)
	if err != nil || e.Accession != "S26-1" || e.Again != nil {
		t.Errorf("the order is %+v, %v", e, err)
	}
	return taken.Slide
}

// A refused file that was replaced by a sound one is ordered as it was wanted first, and is off the list.
func TestRetryTakesTheBetterCopy(t *testing.T) {
	r, q := desk(t)
	path, line := refuse(t, r)
	if line.Again == nil || line.Again.Source != path || line.File != "DOE^JANE.png" {
		t.Fatalf("the record is %+v", line.Entry)
	}
	if taken, err := r.Retry(t.Context(), line); err != nil || taken.State != Failed {
		t.Fatalf("as damaged as before, and taken as %+v, %v", taken, err)
	}
	line = onList(t, r, 1)
	putSound(t, path)
	wantRetried(t, r, q, line, jobs.Stat)
	if e, err := r.Desk.Ledger().Entry(t.Context(), line.Slide); err != nil || e.Again != nil {
		t.Errorf("where it lay is known for ever: %+v, %v", e, err)
	}
}

// putSound writes a sound file where a refused one lay.
func putSound(t *testing.T, path string) {
	t.Helper()
	sound, err := os.ReadFile(picture(t))
	if err == nil {
		err = os.WriteFile(path, sound, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The case of a refused file goes on with the slide that lies in its place, however that one is known, unless it belongs
// to a case of its own.
func TestRetryKeepsTheCase(t *testing.T) {
	for name, own := range map[string]string{"of no case": "", "of another case": "S26-9"} {
		for how, end := range map[string]func(*Reception, *Order) error{
			"done": func(r *Reception, o *Order) error { putResult(t, r, o); return nil },
			"failed": func(r *Reception, o *Order) error {
				return r.Desk.Ledger().Close(t.Context(), o.Slide, End{State: Failed, Reason: "the store is full", At: time.Now()})
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				r, _ := desk(t)
				path, line := refuse(t, r)
				putSound(t, path)
				o, err := Prepare(t.Context(), path, PrepareConfig{Model: r.Model, Parameters: r.Parameters})
				if err != nil {
					t.Fatal(err)
				}
				o.Accession = own
				if err := errors.Join(r.Desk.Submit(t.Context(), o), end(r, o)); err != nil {
					t.Fatal(err)
				}
				taken, err := r.Retry(t.Context(), line)
				if err != nil || taken.Slide != o.Slide || taken.Known != (how == "done") {
					t.Fatalf("taken as %+v, %v", taken, err)
				}
				onList(t, r, 0)
				e, err := r.Desk.Ledger().Entry(t.Context(), o.Slide)
				if want := cmp.Or(own, "S26-1"); err != nil || e.Accession != want {
					t.Errorf("its accession is %q, %v; want %q", e.Accession, err, want)
				}
			})
		}
	}
}

// What cannot be tried again says what to do instead; what is gone stays on the list.
func TestRetryThatCannotBe(t *testing.T) {
	r, _ := desk(t)
	path, line := refuse(t, r)
	old := line
	old.Again = nil
	if _, err := r.Retry(t.Context(), old); err == nil || !strings.Contains(err.Error(), "slidemill submit") {
		t.Errorf("no path: %v", err)
	}
	other := line
	other.Model = "cd"
	if _, err := r.Retry(t.Context(), other); err == nil || !strings.Contains(err.Error(), "--model") {
		t.Errorf("another model: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	taken, err := r.Retry(t.Context(), line)
	if err != nil || taken.State != Failed || !strings.Contains(taken.Reason, "not there any more") || strings.Contains(taken.Reason, "DOE") {
		t.Errorf("gone, and taken as %+v, %v", taken, err)
	}
	onList(t, r, 1)
}

// Given up is given up, until somebody hands the file in anew; where it lay stands in no key.
func TestGiveUp(t *testing.T) {
	r, _ := desk(t)
	path, line := refuse(t, r)
	if err := r.Moved(t.Context(), line.Slide, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if line = onList(t, r, 1); line.Again.Source != path+".moved" {
		t.Errorf("it lies at %s", line.Again.Source)
	}
	for object, err := range r.Desk.Bucket.List(t.Context(), store.Orders()) {
		if err != nil || strings.Contains(object.Key, "DOE") {
			t.Errorf("key %s, %v", object.Key, err)
		}
	}
	if err := r.Desk.Ledger().GiveUp(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 0)
	if end, err := r.Desk.Ledger().End(t.Context(), line.Slide); err != nil || end.State != Failed || end.Reason == "" {
		t.Errorf("its end is %+v, %v", end, err)
	}
	if _, err := r.Take(t.Context(), Request{Path: path}); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 1)
}

// An order that was made while somebody looked at the list stays as it is, whoever gives the refusal up or moves
// the file then.
func TestStaleRefusal(t *testing.T) {
	r, _ := desk(t)
	path, line := refuse(t, r)
	l := r.Desk.Ledger()
	if err := errors.Join(l.Reopen(t.Context(), line.Slide), l.GiveUp(t.Context(), line)); err != nil { // it is being ordered
		t.Fatal(err)
	}
	if end, err := l.End(t.Context(), line.Slide); err != nil || end != nil {
		t.Errorf("it is being ordered, and its end is %+v, %v", end, err)
	}
	e := line.Entry
	e.Run, e.Again, e.At = pyramid.RunID{7}, nil, e.At.Add(time.Second)
	if err := l.Enter(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.GiveUp(t.Context(), line), r.Moved(t.Context(), line.Slide, path+".moved")); err != nil {
		t.Fatal(err)
	}
	now, err := l.Entry(t.Context(), line.Slide)
	end, endErr := l.End(t.Context(), line.Slide)
	if err != nil || endErr != nil || end != nil || !reflect.DeepEqual(now, e) {
		t.Errorf("the order is %+v, %v; its end %+v, %v", now, err, end, endErr)
	}
}

// A better size and time of a known file takes back nothing that was written since it was read.
func TestRecogniseKeepsCorrections(t *testing.T) {
	r, _ := desk(t)
	path := picture(t)
	taken, err := r.Take(t.Context(), Request{Path: path, Accession: "S26-1"})
	if err != nil {
		t.Fatal(err)
	}
	l := r.Desk.Ledger()
	old, err := l.Entry(t.Context(), taken.Slide)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Amend(t.Context(), taken.Slide, Request{Path: path, Accession: "S26-2"}); err != nil {
		t.Fatal(err)
	}
	q := Request{Path: path, Bytes: 77, Changed: time.Now()}
	if err := r.recognise(t.Context(), old, q); err != nil {
		t.Fatal(err)
	}
	now, err := l.Entry(t.Context(), taken.Slide)
	if err != nil || now.Accession != "S26-2" || now.Bytes != 77 {
		t.Errorf("%+v, %v", now, err)
	}
	old.At = old.At.Add(-time.Hour)
	q.Bytes = 78
	if err := r.recognise(t.Context(), old, q); err != nil {
		t.Fatal(err)
	}
	if now, err = l.Entry(t.Context(), taken.Slide); err != nil || now.Bytes != 77 {
		t.Errorf("another order has %d bytes by now, %v", now.Bytes, err)
	}
}

// What is shown of a refused file names no folder.
func TestStandingNamesNoFolder(t *testing.T) {
	r, _ := desk(t)
	path, line := refuse(t, r)
	all, err := r.judge().LookAll(t.Context(), time.Time{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	text, err := json.Marshal(all)
	if err != nil || strings.Contains(string(text), filepath.Dir(path)) || !strings.Contains(string(text), line.Slide.String()) {
		t.Errorf("%s, %v", text, err)
	}
	if line = onList(t, r, 1); line.Again == nil {
		t.Error("nobody knows where it lay")
	}
}

// killed is a bucket whose user is killed before it writes an end: nothing is written from then on.
type killed struct{ store.Bucket }

func (k killed) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if _, kind, err := store.ParseOrder(key); err == nil && kind == store.EndRecord {
		return errAway
	}
	return k.Bucket.Put(ctx, key, r, size)
}

// A refusal that is cut short has an end all the same: the old one, or that of a refusal that was cut short.
func TestRefusalCutShort(t *testing.T) {
	r, _ := desk(t)
	path, line := refuse(t, r)
	whole := r.Desk.Bucket
	take := func() End {
		t.Helper()
		r.Desk.Bucket = killed{whole}
		if _, err := r.Take(t.Context(), Request{Path: path}); !errors.Is(err, errAway) {
			t.Fatalf("not cut short: %v", err)
		}
		r.Desk.Bucket = whole
		e, err := r.Desk.Ledger().Entry(t.Context(), line.Slide)
		if err != nil {
			t.Fatal(err)
		}
		e.At = e.At.Add(-time.Hour)
		if err := r.Desk.Ledger().record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		all, err := r.judge().LookAt(t.Context(), []pyramid.SlideID{line.Slide})
		if err != nil {
			t.Fatal(err)
		}
		return End{State: all[0].State, Reason: all[0].Reason, At: all[0].Ended}
	}
	if end := take(); end.State != Failed || end.Reason != line.End.Reason || end.At.IsZero() {
		t.Errorf("refused twice: %+v", end)
	}
	if err := r.Desk.Ledger().Reopen(t.Context(), line.Slide); err != nil {
		t.Fatal(err)
	}
	if end := take(); end.State != Failed || end.Reason != tornReason || end.At.IsZero() {
		t.Errorf("refused the first time: %+v", end)
	}
	if _, err := r.Take(t.Context(), Request{Path: path}); err != nil {
		t.Fatal(err)
	}
	onList(t, r, 1)
}

// Where a file lay is in its record for as long as the slide is on the dead list: whoever takes it off, by giving up a job
// of it, by cancelling it or by trying a job of it again, leaves no path there.
func TestPathDoesNotOutliveTheList(t *testing.T) {
	for name, takeOff := range map[string]func(*Desk, *Order) error{
		"cancelled": func(d *Desk, o *Order) error {
			return d.Ledger().Dismiss(t.Context(), o.Slide, End{State: Cancelled, At: time.Now()})
		},
		"given up": func(d *Desk, o *Order) error {
			return d.Ledger().Dismiss(t.Context(), o.Slide, End{State: Failed, At: time.Now(), GivenUp: true})
		},
		"tried again": func(d *Desk, o *Order) error {
			job, err := o.Job()
			if err != nil {
				return err
			}
			return d.Retry(t.Context(), jobs.Dead{Job: job, At: time.Now()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := desk(t)
			o := stranded(t, r, picture(t), errors.New("the store is full"))
			onList(t, r, 1)
			if err := takeOff(r.Desk, o); err != nil {
				t.Fatal(err)
			}
			onList(t, r, 0)
			if e, err := r.Desk.Ledger().Entry(t.Context(), o.Slide); err != nil || e.Again != nil || e.Run != o.Run {
				t.Errorf("the record is %+v, %v", e, err)
			}
		})
	}
}

// A record that is missing or damaged holds up nobody who closes its slide.
func TestDismissWithoutRecord(t *testing.T) {
	r, _ := desk(t)
	l := r.Desk.Ledger()
	damaged := pyramid.SlideID{2}
	if err := l.Bucket.Put(t.Context(), store.Order(damaged).Record(), strings.NewReader("{"), 1); err != nil {
		t.Fatal(err)
	}
	for _, id := range []pyramid.SlideID{{1}, damaged} {
		if err := l.Dismiss(t.Context(), id, End{State: Cancelled, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if end, err := l.End(t.Context(), id); err != nil || end == nil || end.State != Cancelled {
			t.Errorf("%v: its end is %+v, %v", id, end, err)
		}
	}
}

// Where the file of a slide lies that could not be cut stands in its dead job: it is tried again from there, once.
func TestMovedOfDeadJob(t *testing.T) {
	r, q := desk(t)
	job := jobs.NewTile(pyramid.NewSlideID([32]byte{1}), "/scans/x.svs", []byte(`{}`))
	job.Priority, job.Turn = jobs.Stat, 3
	at := time.Now().UTC().Truncate(time.Second)
	if err := q.Bury(t.Context(), jobs.Dead{Job: job, Reason: "damaged", At: at}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the note may be made twice
		if err := r.Moved(t.Context(), job.Slide, "/put/x.svs"); err != nil {
			t.Fatal(err)
		}
	}
	dead, err := q.Dead(t.Context())
	if err != nil || len(dead) != 1 {
		t.Fatalf("%d dead jobs, error %v", len(dead), err)
	}
	d := dead[0]
	if err := d.Job.Validate(); err != nil || d.Job.Source != "/put/x.svs" || d.Job.Priority != jobs.Stat || d.Job.Turn != 3 || d.Reason != "damaged" || !d.At.Equal(at) {
		t.Errorf("%+v, %v", d, err)
	}
}
