package workers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs/mem"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	memstore "github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/workers"
)

// tinyModel is a network of few channels with random weights: it finds nothing, but depends on every
// pixel in its field, so that any trace of tiling shows.
func tinyModel(t *testing.T) *segment.Model {
	t.Helper()
	n := net.UNet(net.UNetConfig{In: 3, Classes: 4, Channels: []int{16, 16, 16}, Seed: 3})
	d := segment.Description{
		Name: "tiny", Version: "1", Classes: []string{"background", "benign", "high-grade", "carcinoma"},
		Carcinoma: 3, HighGrade: 2, MPP: 1, Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.2, 0.2, 0.2}, Output: segment.OutputLogits,
		Fingerprint: tinyLook(t),
	}
	metadata, err := d.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := onnx.Write(&buf, n, onnx.WriteOptions{Metadata: metadata}); err != nil {
		t.Fatal(err)
	}
	m, err := segment.ReadModel(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tinyLook is a fingerprint that looks at the amount of haematoxylin alone, so closely that the noise of
// tinySlide decides: some patches lie outside, others do not.
func tinyLook(t *testing.T) []byte {
	t.Helper()
	look := fingerprint.Fingerprint{Version: fingerprint.Version, Features: fingerprint.Names(), Limit: 1}
	for i := range look.Features {
		look.Mean = append(look.Mean, 0)
		look.Whiten = append(look.Whiten, make([]float64, i+1))
	}
	look.Mean[0], look.Whiten[0][0] = tinyHaematoxylin, 2000
	data, err := json.Marshal(look)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tinyHaematoxylin is the mean optical density in the middle of tinySlide's tissue.
const tinyHaematoxylin = 0.2

// engines are those that a worker has: the first one, which tests have unless they say otherwise, and the one of new runs.
func engines(t *testing.T, m *segment.Model) map[string]segment.Engine {
	t.Helper()
	tiled, err := nn.ForModel(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]segment.Engine{tiled.Name(): tiled, "": nn.DirectForModel(m, 1)}
}

// tinySlide is a picture of two pieces of tissue on glass, 1 µm a pixel.
func tinySlide(t *testing.T) string { return tinySlideOf(t, 480) }

// tinySlideOf has the width; the tissue lies at the left.
func tinySlideOf(t *testing.T, width int) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, 400))
	r := rand.New(rand.NewPCG(1, 2))
	for y := range 400 {
		for x := range width {
			c := color.RGBA{243, 243, 244, 255}
			if in(x, y, 170, 180, 150) || in(x, y, 400, 320, 60) {
				n := uint8(r.IntN(60))
				c = color.RGBA{170 + n, 90 + n, 150 + n, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return writePNG(t, img)
}

func writePNG(t *testing.T, img image.Image) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func in(x, y, cx, cy, r int) bool { return (x-cx)*(x-cx)+(y-cy)*(y-cy) < r*r }

// site is a whole system in memory.
type site struct {
	t      *testing.T
	model  *segment.Model
	bucket store.Bucket
	queue  *mem.Queue
	desk   *intake.Desk
}

func newSite(t *testing.T, m *segment.Model, bucket store.Bucket, parallel int) *site {
	return newSiteOf(t, m, bucket, parallel, func(*workers.Tile) {})
}

// newSiteOf has a tiler that somebody has changed.
func newSiteOf(t *testing.T, m *segment.Model, bucket store.Bucket, parallel int, change func(*workers.Tile)) *site {
	t.Helper()
	tile := &workers.Tile{Bucket: bucket, Model: m, Workers: parallel}
	change(tile)
	q := mem.New(mem.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	events, err := q.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tile.Queue, tile.Events = q, q
	var group errgroup.Group
	for _, h := range []workers.Handler{
		tile,
		&workers.Segment{Bucket: bucket, Queue: q, Events: q, Model: m, Engines: engines(t, m)},
		&workers.Stitch{Bucket: bucket, Queue: q, Events: q, Workers: parallel},
	} {
		n := 1
		if _, ok := h.(*workers.Segment); ok {
			n = parallel
		}
		l := &workers.Loop{Queue: q, Events: q, Handler: h, Parallel: n, Beat: time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		group.Go(func() error { return l.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &site{t, m, bucket, q, &intake.Desk{Bucket: bucket, Queue: q, Events: events}}
}

// run orders a slide and waits for its report.
func (s *site) run(path string, p segment.Parameters) (*intake.Order, *stitch.Report, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	o, err := intake.Prepare(ctx, path, intake.PrepareConfig{Model: s.model, Parameters: p})
	if err != nil {
		return nil, nil, err
	}
	if err := s.desk.Submit(ctx, o); err != nil {
		return o, nil, err
	}
	r, err := s.desk.Wait(ctx, o, nil)
	return o, r, err
}

// TestTilingLeavesNoTrace is invariant 3: the probability map and the mask are the same bytes whatever
// the region size and the number of workers, and those of the slide segmented in one piece. So is what
// looks unlike the training images, and so is the average of the eight turns.
func TestTilingLeavesNoTrace(t *testing.T) {
	const tiled = "gorgonia 4@1,2@1" // of tinyModel; no worker of the test has another but the direct one
	for _, p := range []segment.Parameters{
		{MPP: 1, Threshold: 0.4},
		{MPP: 1, Threshold: 0.4, Engine: tiled},
		{MPP: 1, Threshold: 0.4, Engine: tiled, TTA: true},
	} {
		t.Run(fmt.Sprintf("%s tta %v", segment.EngineTitle(p.Engine), p.TTA), func(t *testing.T) { tilingLeavesNoTrace(t, p) })
	}
}

func tilingLeavesNoTrace(t *testing.T, p segment.Parameters) {
	m, path := tinyModel(t), tinySlide(t)
	_, whole, err := newSite(t, m, memstore.New(), 1).run(path, with(p, 512))
	if err != nil {
		t.Fatal(err)
	}
	if whole.CarcinomaMM2 == 0 || !p.TTA && whole.CarcinomaMM2 == whole.TissueMM2 {
		t.Fatalf("a mask of %g of %g mm² would prove little", whole.CarcinomaMM2, whole.TissueMM2)
	}
	if whole.UncertainMM2 == 0 || whole.UncertainMM2 == whole.AnalysedMM2 || whole.UncertainCarcinomaMM2 == 0 {
		t.Fatalf("%g of %g mm² uncertain would prove little", whole.UncertainMM2, whole.AnalysedMM2)
	}
	for _, region := range []int{64, 128, 256} {
		for _, parallel := range []int{1, 2, 4} {
			if p.TTA && (region != 128 || parallel != 2) {
				continue // eight times the work
			}
			t.Run(fmt.Sprintf("region %d workers %d", region, parallel), func(t *testing.T) {
				_, r, err := newSite(t, m, memstore.New(), parallel).run(path, with(p, region))
				if err != nil {
					t.Fatal(err)
				}
				if r.SHA256 != whole.SHA256 {
					t.Errorf("sums %+v, in one piece %+v", r.SHA256, whole.SHA256)
				}
				if *r.Areas != *whole.Areas {
					t.Errorf("areas %+v, in one piece %+v", *r.Areas, *whole.Areas)
				}
			})
		}
	}
}

// with is the parameters with a side of regions.
func with(p segment.Parameters, region int) segment.Parameters {
	p.Region = region
	return p
}

// countingBucket counts what is put under region keys.
type countingBucket struct {
	store.Bucket
	mu   sync.Mutex
	puts map[string]int
}

func (b *countingBucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	b.mu.Lock()
	b.puts[key]++
	b.mu.Unlock()
	return b.Bucket.Put(ctx, key, r, size)
}

// TestResume: a second site on the same store goes on where the first one was lost, computes only what is
// missing or damaged, and ends in the same bytes.
func TestResume(t *testing.T) {
	m, path := tinyModel(t), tinySlide(t)
	p := segment.Parameters{MPP: 1, Region: 128, Threshold: 0.4}
	bucket := memstore.New()
	o, first, err := newSite(t, m, bucket, 2).run(path, p)
	if err != nil {
		t.Fatal(err)
	}
	before := objects(t, bucket)
	keys := store.Slide(o.Slide).Run(o.Run)
	lost := lose(t, bucket, keys)

	counting := &countingBucket{Bucket: bucket, puts: map[string]int{}}
	_, second, err := newSite(t, m, counting, 2).run(path, p)
	if err != nil {
		t.Fatal(err)
	}
	if second.SHA256 != first.SHA256 {
		t.Errorf("sums %+v after resuming, %+v before", second.SHA256, first.SHA256)
	}
	for key, want := range before {
		if !strings.HasPrefix(key, store.Slides()) {
			continue // the ledger says when it was ordered
		}
		if key != keys.Report() && key != keys.ReportHTML() && key != keys.Manifest() && !bytes.Equal(want, objects(t, bucket)[key]) {
			t.Errorf("%s has other bytes after resuming", key)
		}
	}
	for key, n := range counting.puts {
		if ref, err := store.Parse(key); err == nil && ref.Kind == store.Region && !lost[key] {
			t.Errorf("%s was computed %d times though it was whole", key, n)
		}
	}
}

// lose removes what the end of a run wrote, one region, and damages another.
func lose(t *testing.T, b store.Bucket, keys store.RunKeys) map[string]bool {
	t.Helper()
	ctx := t.Context()
	for _, key := range []string{keys.Manifest(), keys.Report(), keys.Mask()} {
		if err := b.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
	}
	lost := map[string]bool{}
	for object, err := range b.List(ctx, keys.Regions()) {
		if err != nil {
			t.Fatal(err)
		}
		lost[object.Key] = true
		if len(lost) == 2 {
			break
		}
		if err := b.Delete(ctx, object.Key); err != nil {
			t.Fatal(err)
		}
	}
	for key := range lost {
		if object, err := b.Stat(ctx, key); err == nil {
			junk := bytes.Repeat([]byte{7}, int(object.Size))
			if err := b.Put(ctx, key, bytes.NewReader(junk), object.Size); err != nil {
				t.Fatal(err)
			}
		}
	}
	return lost
}

func objects(t *testing.T, b store.Bucket) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for object, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Get(t.Context(), object.Key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if all[object.Key], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
