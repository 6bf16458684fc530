package workers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/workers"
)

// deepSlide is tinySlide's picture at 0.5 µm a pixel with three levels of its own, tiles that are not there on the
// two finest, and a damaged place in the finest. Its sides are odd.
func deepSlide(t *testing.T) string {
	t.Helper()
	path := slidetest.Pyramid{
		Size: pyramid.Size{W: 957, H: 803}, Tile: 64, Levels: 3, JPEG: true, MPP: 0.5,
		Skip: func(level, col, row int) bool {
			return level == 0 && col == 5 && row == 4 || level == 1 && col == 3 && row == 2
		},
		Pattern: func(level, x, y int) color.RGBA {
			x, y = x<<level, y<<level
			if !in(x, y, 340, 360, 300) && !in(x, y, 800, 640, 120) {
				return color.RGBA{243, 243, 244, 255}
			}
			n := uint8(rand.New(rand.NewPCG(uint64(x), uint64(y))).IntN(60))
			return color.RGBA{170 + n, 90 + n, 150 + n, 255}
		},
	}.Write(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[len(data)/3:], bytes.Repeat([]byte{0xff}, 900)) // within the finest level, which is written first
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var deepParameters = segment.Parameters{MPP: 0.5, Region: 128, Threshold: 0.4}

// TestMaskFirstChangesNothing: whether regions wait for the pyramid or not, in single tiles and in an archive, every
// byte in the store is the same.
func TestMaskFirstChangesNothing(t *testing.T) {
	m, path := tinyModel(t), deepSlide(t)
	for _, pack := range []bool{false, true} {
		t.Run(fmt.Sprint("pack ", pack), func(t *testing.T) {
			var sums [2]*stitch.Report
			var stored [2]map[string][]byte
			for i, first := range []bool{false, true} {
				plain := memstore.New()
				bucket := szi.New(plain)
				bucket.Pack = pack
				_, r, err := newSiteOf(t, m, bucket, 2, func(w *workers.Tile) { w.PyramidFirst = !first }).run(path, deepParameters)
				if err != nil {
					t.Fatal(err)
				}
				sums[i], stored[i] = r, objects(t, plain)
			}
			if sums[0].SHA256 != sums[1].SHA256 || *sums[0].Areas != *sums[1].Areas || sums[0].CarcinomaMM2 == 0 {
				t.Errorf("the pyramid first: %+v, %+v\nthe mask first: %+v, %+v", sums[0].SHA256, sums[0].Areas, sums[1].SHA256, sums[1].Areas)
			}
			if a, b := fmt.Sprint(sums[0].QC), fmt.Sprint(sums[1].QC); a != b || !strings.Contains(a, "unreadable_share warn") {
				t.Errorf("checks %s, %s", a, b)
			}
			sameObjects(t, stored[0], stored[1])
		})
	}
}

// sameObjects compares all that is stored of a slide but what says when it was made.
func sameObjects(t *testing.T, want, got map[string][]byte) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%d objects, want %d", len(got), len(want))
	}
	for key, data := range want {
		ref, err := store.Parse(key)
		dated := err != nil || ref.Kind == store.Report || ref.Kind == store.ReportHTML || ref.Kind == store.RunManifest
		if !dated && !bytes.Equal(data, got[key]) {
			t.Errorf("%s has other bytes", key)
		}
	}
}

// faltering is a bucket that stores no tile of the finest level while it is full.
type faltering struct {
	store.Bucket
	full bool
	done map[pyramid.Region]int // regions stored
}

var errFull = errors.New("the disk is full")

func (b *faltering) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	ref, err := store.Parse(key)
	switch {
	case err == nil && ref.Kind == store.PyramidTile && ref.Tile.Level == 10 && b.full:
		return errFull
	case err == nil && ref.Kind == store.Region:
		b.done[ref.Region]++
	}
	return b.Bucket.Put(ctx, key, r, size)
}

// TestTilerIsLostMidway: a tiler that is lost after it has enqueued the regions leaves nothing for the stitcher, even
// when all regions are done; the one that gets its job next hands the run over, no region is computed again, and
// the bytes are those of an undisturbed run.
func TestTilerIsLostMidway(t *testing.T) {
	m, path := tinyModel(t), deepSlide(t)
	undisturbed := memstore.New()
	if _, _, err := newSite(t, m, undisturbed, 1).run(path, deepParameters); err != nil {
		t.Fatal(err)
	}
	plain := memstore.New()
	bucket := &faltering{Bucket: plain, full: true, done: map[pyramid.Region]int{}}
	l := &line{t: t, model: m, queue: mem.New(mem.Config{}), bucket: bucket}
	job := l.take(path, deepParameters)
	tile := &workers.Tile{Bucket: bucket, Queue: l.queue, Events: l.queue, Model: m, Workers: 1}
	if err := tile.Do(t.Context(), job); !errors.Is(err, errFull) {
		t.Fatalf("got %v, want %v", err, errFull)
	}
	plan := l.plan()
	for batch := range plan.Batches() {
		if err := l.attempt(bucket, batch, 1); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.waiting(jobs.Stitch); n != 0 || len(bucket.done) != len(plan.Regions) {
		t.Fatalf("%d stitch jobs before the pyramid is whole, %d of %d regions", n, len(bucket.done), len(plan.Regions))
	}
	bucket.full = false
	if err := tile.Do(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for batch := range plan.Batches() { // the jobs that it enqueued again
		if err := l.attempt(bucket, batch, 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.stitch(); err != nil {
		t.Fatal(err)
	}
	for r, n := range bucket.done {
		if n != 1 {
			t.Errorf("region %v was computed %d times", r, n)
		}
	}
	want := objects(t, undisturbed)
	for key := range want {
		if !strings.HasPrefix(key, store.Slides()) {
			delete(want, key) // the ledger: nobody ordered
		}
	}
	sameObjects(t, want, objects(t, plain))
}

// TestOrderedAgain: a slide whose objects somebody removed, and that is ordered again while the queue remembers the
// run, is stitched when its pyramid is whole again, and no earlier.
func TestOrderedAgain(t *testing.T) {
	plain := memstore.New()
	bucket := &faltering{Bucket: plain, done: map[pyramid.Region]int{}}
	l := &line{t: t, model: tinyModel(t), queue: mem.New(mem.Config{}), bucket: bucket}
	job := l.take(deepSlide(t), deepParameters)
	tile := &workers.Tile{Bucket: bucket, Queue: l.queue, Events: l.queue, Model: l.model, Workers: 1}
	for life := range 2 {
		bucket.full = true
		if err := tile.Do(t.Context(), job); !errors.Is(err, errFull) {
			t.Fatalf("got %v, want %v", err, errFull)
		}
		for batch := range l.plan().Batches() {
			if err := l.attempt(bucket, batch, 1); err != nil {
				t.Fatal(err)
			}
		}
		if n := l.waiting(jobs.Stitch); n != 0 {
			t.Errorf("life %d: %d stitch jobs before the pyramid is whole", life, n)
		}
		bucket.full = false
		if err := tile.Do(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if _, err := l.stitch(); err != nil {
			t.Fatal(err)
		}
		for key := range objects(t, plain) {
			if err := plain.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestHeadGoesAfterAll: a tiler that is lost between slide.json and the removal of the archive of the coarse levels
// leaves it to whoever gets its job next.
func TestHeadGoesAfterAll(t *testing.T) {
	bucket := memstore.New()
	l := &line{t: t, model: tinyModel(t), queue: mem.New(mem.Config{}), bucket: bucket}
	job := l.take(deepSlide(t), deepParameters)
	tile := &workers.Tile{Bucket: bucket, Queue: l.queue, Events: l.queue, Model: l.model, Workers: 1}
	if err := tile.Do(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	head := store.Slide(job.Slide).PyramidHead()
	if err := bucket.Put(t.Context(), head, strings.NewReader("left"), 4); err != nil {
		t.Fatal(err)
	}
	if err := tile.Do(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Stat(t.Context(), head); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the head is still there: %v", err)
	}
}

// take orders a slide and gives its tile job, which waits no longer.
func (l *line) take(path string, p segment.Parameters) jobs.Job {
	l.t.Helper()
	var err error
	if l.order, err = intake.Prepare(l.t.Context(), path, intake.PrepareConfig{Model: l.model, Parameters: p}); err != nil {
		l.t.Fatal(err)
	}
	job, err := l.order.Job()
	if err != nil {
		l.t.Fatal(err)
	}
	return job
}

// waiting is the number of a stage's jobs that nobody has taken.
func (l *line) waiting(stage jobs.Stage) (n int64) {
	l.t.Helper()
	depths, err := l.queue.Depths(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, d := range depths {
		if d.Stage == stage {
			n += d.Waiting
		}
	}
	return n
}

// TestTakenBack: a run whose manifest and plan were taken back, because a region is damaged, is made again by the queue
// that remembers all its parts as finished; and so is one whose slide.json was.
func TestTakenBack(t *testing.T) {
	m, path := tinyModel(t), tinySlide(t)
	p := segment.Parameters{MPP: 1, Region: 128, Threshold: 0.4}
	bucket := memstore.New()
	s := newSite(t, m, bucket, 2)
	o, first, err := s.run(path, p)
	if err != nil {
		t.Fatal(err)
	}
	keys := store.Slide(o.Slide)
	for name, also := range map[string][]string{"run": nil, "slide": {keys.Manifest()}} {
		t.Run(name, func(t *testing.T) {
			lose(t, bucket, keys.Run(o.Run))
			for _, key := range append(also, keys.Run(o.Run).Plan()) {
				if err := bucket.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.desk.Ledger().Close(t.Context(), o.Slide, intake.End{State: intake.Failed}); err != nil {
				t.Fatal(err)
			}
			_, again, err := s.run(path, p)
			if err != nil {
				t.Fatal(err)
			}
			if again.SHA256 != first.SHA256 {
				t.Errorf("sums %+v, at first %+v", again.SHA256, first.SHA256)
			}
			if _, err := stitch.Verify(t.Context(), bucket, o.Slide); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestThumbnailOfAnotherVersion: a slide that is cut again, for another scale, by a program whose JPEG files differ,
// does not read as damaged.
func TestThumbnailOfAnotherVersion(t *testing.T) {
	path, bucket := tinySlide(t), memstore.New()
	s := newSite(t, tinyModel(t), bucket, 2)
	o, _, err := s.run(path, segment.Parameters{MPP: 1, Region: 128})
	if err != nil {
		t.Fatal(err)
	}
	key := store.Slide(o.Slide).Manifest()
	m, err := slide.DecodeManifest(objects(t, bucket)[key])
	if err != nil {
		t.Fatal(err)
	}
	m.Sums.Thumbnail = strings.Repeat("0", 64)
	older, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Put(t.Context(), key, bytes.NewReader(older), int64(len(older))); err != nil {
		t.Fatal(err)
	}
	if _, err := stitch.Verify(t.Context(), bucket, o.Slide); !errors.Is(err, stitch.ErrBroken) {
		t.Errorf("before: %v", err)
	}
	if _, _, err := s.run(path, segment.Parameters{MPP: 0.9, Region: 128}); err != nil {
		t.Fatal(err)
	}
	if _, err := stitch.Verify(t.Context(), bucket, o.Slide); err != nil {
		t.Error(err)
	}
}
