package stitch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/pyramid/quadtree"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/szi"
)

// broad is a canvas with several pieces of the walk side by side and two levels above them.
var broad = pyramid.Size{W: 1030, H: 1290}

// archives begins archives in a bucket as the stitch worker does.
func archives(b store.Bucket) Pack {
	return func(ctx context.Context, key string, descriptor []byte) (Archive, error) {
		u, err := szi.Create(ctx, b, key, szi.Image{Folder: szi.Folder(key), Format: "png", Descriptor: descriptor})
		if err != nil {
			return nil, err
		}
		return u, nil
	}
}

// packedRun stitches the world into archives.
func packedRun(t testing.TB, w *world, b store.Bucket, p *segment.Plan, workers int) {
	t.Helper()
	c := w.config(t, b, p, workers)
	c.Pack = archives(b)
	if _, err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// TestPackedIsUnpacked: each tile is the same by itself and in an archive, everything else in the store too, and the
// archives do not depend on the number of workers.
func TestPackedIsUnpacked(t *testing.T) {
	w := blobs(broad, 61)
	loose, p, _ := w.stitched(t, 256, 2)
	want := objects(t, loose, p)
	keys := store.Slide(p.Slide).Run(p.Run)
	var probability, overlay []byte
	for _, workers := range []int{1, 2, 4} {
		b := mem.New()
		w.put(t, b, p)
		packedRun(t, w, b, p, workers)
		seen := szi.New(b)
		for name, data := range want {
			if name != "report.json" && !bytes.Equal(read(t, seen, keys.Prefix()+name), data) { // holds seconds
				t.Errorf("%d workers: %s differs", workers, name)
			}
		}
		for name := range objects(t, b, p) {
			if _, loose := want[name]; !loose && name != "probability.szi" && name != "overlay.szi" || strings.HasSuffix(name, ".png") && strings.Contains(name, "_files/") {
				t.Errorf("%d workers: %s does not belong into a packed run", workers, name)
			}
		}
		if workers == 1 {
			probability, overlay = read(t, b, keys.ProbabilityArchive()), read(t, b, keys.OverlayArchive())
		}
		if !bytes.Equal(read(t, b, keys.ProbabilityArchive()), probability) || !bytes.Equal(read(t, b, keys.OverlayArchive()), overlay) {
			t.Errorf("%d workers make other archives than one", workers)
		}
		for _, key := range []string{keys.ProbabilityArchive(), keys.OverlayArchive()} {
			if _, err := szi.Verify(t.Context(), b, key, pyramid.DeepZoom{Size: broad, Tile: overlayTile}); err != nil {
				t.Error(err)
			}
		}
		packedRun(t, w, b, p, 3) // a job that comes again
		if !bytes.Equal(read(t, b, keys.OverlayArchive()), overlay) {
			t.Error("stitched again, the archive is another")
		}
	}
}

// watchful is an archive that notes how many tiles are held back while it takes one.
type watchful struct {
	o    *overlays
	most int
}

func (c *watchful) Add(pyramid.Tile, []byte) error {
	c.most = max(c.most, c.o.packing.held.Len())
	return nil
}

func (c *watchful) Commit() error { return nil }
func (c *watchful) Abort() error  { return nil }

// TestHeldTiles: the tiles held back are those of the pieces ahead, however large the canvas.
func TestHeldTiles(t *testing.T) {
	for _, side := range []int{4096, 16384} {
		const workers, perPiece = 3, 21
		canvas := pyramid.Size{W: side, H: side}
		w := &world{canvas: canvas, tissue: segment.NewTissueMap(canvas), mpp: pyramid.MPP{X: 0.5, Y: 0.5, Source: pyramid.FromFile}, model: 1.3}
		c := w.config(t, mem.New(), w.plan(t, 1024), workers)
		o := newOverlays(newRegions(&c), w.tissue, func(int64) {})
		archive := &watchful{o: o}
		if err := o.pack(t.Context(), func(context.Context, string, []byte) (Archive, error) { return archive, nil }); err != nil {
			t.Fatal(err)
		}
		if limit := 2 * workers * perPiece; archive.most > limit { // the piece that is packed is no longer held
			t.Errorf("side %d: %d tiles held back, want at most %d", side, archive.most, limit)
		}
	}
}

// TestVerifyPacked: a packed run is verified as any other, and nothing that is wrong with an archive goes
// unnoticed.
func TestVerifyPacked(t *testing.T) {
	b, p := whole(t)
	w := blobs(tiny, 51)
	keys := store.Slide(p.Slide).Run(p.Run)
	loose := objects(t, b, p)
	for name := range loose {
		if strings.Contains(name, "_files/") {
			if err := b.Delete(t.Context(), keys.Prefix()+name); err != nil {
				t.Fatal(err)
			}
		}
	}
	packedRun(t, w, b, p, 2)
	if got, err := Verify(t.Context(), szi.New(b), p.Slide); err != nil || got.Runs != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, key := range []string{keys.ProbabilityArchive(), keys.OverlayArchive()} {
		good := read(t, b, key)
		for name, data := range map[string][]byte{
			"missing":    nil,
			"cut":        good[:len(good)*2/3],
			"changed":    change(good, bytes.Index(good, []byte("IDAT"))+9),
			"wrong tile": wrongTile(t, key, loose),
		} {
			if err := b.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if data != nil {
				putBytes(t, b, key, data)
			}
			_, err := Verify(t.Context(), szi.New(b), p.Slide)
			if want := map[bool]error{true: ErrBroken, false: szi.ErrDamaged}[name == "missing" || name == "wrong tile"]; !errors.Is(err, want) {
				t.Errorf("%s, %s: %v, want %v", key, name, err, want)
			}
		}
		putBytes(t, b, key, good)
	}
	if _, err := Verify(t.Context(), szi.New(b), p.Slide); err != nil {
		t.Errorf("put right again: %v", err)
	}
}

func change(data []byte, at int) []byte {
	data = bytes.Clone(data)
	data[at] ^= 0x55
	return data
}

// wrongTile is a flawless archive in which one tile is another's.
func wrongTile(t *testing.T, key string, loose map[string][]byte) []byte {
	t.Helper()
	b := mem.New()
	a, err := archives(b)(t.Context(), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for tile := range quadtree.Order(pyramid.DeepZoom{Size: tiny, Tile: overlayTile}) {
		name := tile.String()
		if tile.Level == 0 {
			name = "1/0_0"
		}
		if err := a.Add(tile, loose[fmt.Sprintf("%s_files/%s.png", szi.Folder(key), name)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	return read(t, b, key)
}
