package stitch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"image"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

func b0(t *testing.T, w *world) (*mem.Bucket, *segment.Plan) {
	t.Helper()
	b, p := mem.New(), w.plan(t, 128)
	w.put(t, b, p)
	return b, p
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hexOf(sum[:])
}

// whole is a store with a slide, as the tiler leaves it, and one finished run.
func whole(t *testing.T) (*mem.Bucket, *segment.Plan) {
	t.Helper()
	w := blobs(tiny, 51)
	b, p := b0(t, w)
	m := w.manifest(p)
	keys := store.Slide(p.Slide)
	put := func(key string, data []byte) { putBytes(t, b, key, data) }
	putPyramid(t, b, m)
	thumbnail := whiteJPEG(t, image.Pt(m.Pyramid.Size.W/4, m.Pyramid.Size.H/4))
	tissue, err := w.tissue.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(keys.Thumbnail(), thumbnail)
	put(keys.Tissue(), tissue)
	put(keys.PyramidDZI(), m.Pyramid.Descriptor("jpeg"))
	m.Sums = slide.Sums{Thumbnail: sumOf(thumbnail), Tissue: sumOf(tissue)}
	slideJSON, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(keys.Manifest(), slideJSON)
	plan, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(keys.Run(p.Run).Plan(), plan)
	if _, err := Run(t.Context(), w.config(t, b, p, 2)); err != nil {
		t.Fatal(err)
	}
	return b, p
}

func TestVerifyWhole(t *testing.T) {
	b, p := whole(t)
	got, err := Verify(t.Context(), b, p.Slide)
	if err != nil {
		t.Fatal(err)
	}
	var objects int64
	for o, err := range b.List(t.Context(), store.Slides()) {
		if err != nil {
			t.Fatal(err)
		}
		_ = o
		objects++
	}
	if got.Runs != 1 || got.Unfinished != 0 || got.Objects != objects || got.Bytes == 0 {
		t.Errorf("%+v of %d objects", got, objects)
	}
}

// TestVerifyFindsDamage changes or removes each kind of object in turn: nothing goes unnoticed.
func TestVerifyFindsDamage(t *testing.T) {
	b, p := whole(t)
	keys := store.Slide(p.Slide)
	run := keys.Run(p.Run)
	tile := pyramid.Tile{Level: 9, Col: 1, Row: 1} // the slide's pyramid has one more level
	for _, key := range []string{
		keys.PyramidDZI(), keys.Thumbnail(), keys.Tissue(), keys.PyramidTile(tile),
		run.Plan(), run.Region(p.Regions[3]), run.ProbabilityTile(tile), run.OverlayTile(tile), run.ProbabilityDZI(), run.OverlayDZI(),
		run.Mask(), run.Contours(), run.Preview(), run.Report(), run.ReportHTML(),
	} {
		good := read(t, b, key)
		for name, data := range map[string][]byte{
			"missing": nil,
			"cut":     good[:len(good)*2/3],
			"changed": flip(good),
		} {
			if data == nil {
				if err := b.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			} else if err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(t.Context(), b, p.Slide); !errors.Is(err, ErrBroken) {
				t.Errorf("%s %s: %v", key, name, err)
			}
		}
		if err := b.Put(t.Context(), key, bytes.NewReader(good), int64(len(good))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Verify(t.Context(), b, p.Slide); err != nil {
		t.Errorf("put right again: %v", err)
	}
}

// flip changes the first byte, which every format notices.
func flip(data []byte) []byte {
	data = bytes.Clone(data)
	data[0] ^= 0x55
	return data
}

// TestVerifyUnfinished: a run without run.json promised nothing.
func TestVerifyUnfinished(t *testing.T) {
	b, p := whole(t)
	if err := b.Delete(t.Context(), store.Slide(p.Slide).Run(p.Run).Manifest()); err != nil {
		t.Fatal(err)
	}
	got, err := Verify(t.Context(), b, p.Slide)
	if err != nil || got.Runs != 0 || got.Unfinished != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Load(t.Context(), b, p.Slide, p.Run); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("loaded an unfinished run: %v", err)
	}
	if _, err := Verify(t.Context(), mem.New(), p.Slide); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("verified nothing: %v", err)
	}
}

// TestVerifyOfANewerPlan: a run whose plan a newer program made is no damage, and hides none.
func TestVerifyOfANewerPlan(t *testing.T) {
	b, p := whole(t)
	keys := store.Slide(p.Slide)
	putBytes(t, b, keys.Run(p.Run).Plan(), []byte(`{"version": 99, "regions": "in another file"}`))
	_, err := Verify(t.Context(), b, p.Slide)
	if !errors.Is(err, segment.ErrNewer) || errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "verify it with that version") {
		t.Errorf("%v: want %v and what to do", err, segment.ErrNewer)
	}
	putBytes(t, b, keys.Thumbnail(), []byte("no picture"))
	_, err = Verify(t.Context(), b, p.Slide)
	var broken *BrokenError
	if !errors.As(err, &broken) || !broken.Slide || len(broken.Runs) > 0 || !errors.Is(err, segment.ErrNewer) {
		t.Errorf("%v: want a broken slide, and the run left to a newer version", err)
	}
}

// TestVerifyBesideTheTiles changes single bytes of what lies beside the slide's tiles, anywhere in them; and of an older
// slide, whose slide.json has no sums, what shows without.
func TestVerifyBesideTheTiles(t *testing.T) {
	b, p := whole(t)
	keys := store.Slide(p.Slide)
	spoil := func(key string, at int) error {
		good := read(t, b, key)
		bad := bytes.Clone(good)
		bad[at] ^= 1
		putBytes(t, b, key, bad)
		_, err := Verify(t.Context(), b, p.Slide)
		putBytes(t, b, key, good)
		return err
	}
	for _, key := range []string{keys.PyramidDZI(), keys.Thumbnail(), keys.Tissue()} {
		n := len(read(t, b, key))
		for _, at := range []int{0, n / 3, n / 2, 3 * n / 4, n - 1} {
			if err := spoil(key, at); !errors.Is(err, ErrBroken) {
				t.Errorf("%s, byte %d of %d changed: %v", key, at, n, err)
			}
		}
	}
	m, err := slide.DecodeManifest(read(t, b, keys.Manifest()))
	if err != nil {
		t.Fatal(err)
	}
	m.Sums = slide.Sums{}
	older, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	putBytes(t, b, keys.Manifest(), older)
	if _, err := Verify(t.Context(), b, p.Slide); err != nil {
		t.Errorf("without sums: %v", err)
	}
	tissue := read(t, b, keys.Tissue())
	if err := spoil(keys.Tissue(), len(tissue)/2); !errors.Is(err, ErrBroken) {
		t.Errorf("tissue map without a sum: %v", err)
	}
	putBytes(t, b, keys.Thumbnail(), whiteJPEG(t, image.Pt(80, 30)))
	if _, err := Verify(t.Context(), b, p.Slide); !errors.Is(err, ErrBroken) {
		t.Errorf("another slide's thumbnail without a sum: %v", err)
	}
}
