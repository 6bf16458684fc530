package tiler

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// openData opens a file of the shared test data, or skips.
func openData(t testing.TB, name string, o slide.Options) slide.Slide {
	t.Helper()
	root := os.Getenv("SLIDEMILL_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs the test data in ../shared/data (or under SLIDEMILL_DATA): no %s", name)
	}
	s, err := slide.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

const cmu = "slides/CMU-1-Small-Region.svs"

// TestCutOfARealSlide: the tiles of each level are as many as vips dzsave makes with the same side;
// whole tiles are the slide's own, to the bit of their scan; and the tissue is where it is.
func TestCutOfARealSlide(t *testing.T) {
	s := openData(t, cmu, slide.Options{})
	r, bucket := cut(t, Config{Slide: s})
	var counts []int64
	for _, l := range r.Levels {
		counts = append(counts, l.Copied+l.Scaled+l.Encoded)
	}
	if diff := cmp.Diff([]int64{1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 12, 35, 130}, counts); diff != "" {
		t.Error(diff)
	}
	if want := (LevelCount{Level: 12, Copied: 108, Encoded: 22}); r.Levels[12] != want {
		t.Errorf("%+v, want %+v", r.Levels[12], want)
	}
	checkColours(t, s, bucket)
	tissueOfCMU(t, s.Info(), &r)
}

// checkColours: a browser that decodes a copied tile sees what the slide shows.
func checkColours(t *testing.T, s slide.Slide, bucket store.Bucket) {
	keys := store.Slide(pyramid.NewSlideID(testSum))
	var want image.RGBA
	for _, at := range []image.Point{{X: 3, Y: 4}, {X: 7, Y: 9}} {
		if err := s.ReadTile(t.Context(), 0, at.X, at.Y, &want); err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(object(t, bucket, keys.PyramidTile(pyramid.Tile{Level: 12, Col: at.X, Row: at.Y}))))
		if err != nil {
			t.Fatal(err)
		}
		for i := range want.Pix {
			r, g, b, _ := got.At(i/4%240, i/4/240).RGBA()
			if c := [4]uint32{r >> 8, g >> 8, b >> 8, 255}[i%4]; abs(int64(c)-int64(want.Pix[i])) > 2 {
				t.Fatalf("tile %v byte %d is %d, want %d", at, i, c, want.Pix[i])
			}
		}
	}
}

func tissueOfCMU(t *testing.T, info slide.Info, r *Result) {
	frame, err := segment.NewFrame(r.Pyramid.Size, info.MPP, 1.3)
	if err != nil {
		t.Fatal(err)
	}
	m, sum := FindTissue(r, frame, DefaultTissue())
	for at, want := range map[image.Point]segment.TissueClass{
		{X: 300, Y: 2600}: segment.Glass, {X: 900, Y: 1500}: segment.Tissue, {X: 1500, Y: 1300}: segment.Tissue,
		{X: 500, Y: 1050}: segment.Tissue, {X: 1900, Y: 300}: segment.Glass, {X: 1500, Y: 2700}: segment.Tissue,
	} {
		if got := m.At(int(float64(at.X)/frame.StepX()), int(float64(at.Y)/frame.StepY())); got != want {
			t.Errorf("pixel %v is %v, want %v", at, got, want)
		}
	}
	for _, c := range Check(info, r, sum) {
		if c.Status != Pass {
			t.Errorf("%+v", c)
		}
	}
}

// TestPicturesOfTissueHoldNoGlass: a model that is judged on pictures must see all of them.
func TestPicturesOfTissueHoldNoGlass(t *testing.T) {
	for _, name := range []string{"GT2012324-1-400-001.jpg", "GT2012508-3-400-004.jpg"} {
		s := openData(t, "ebhi-seg/train/adenocarcinoma/image/"+name, slide.Options{MPP: 1.3})
		r, _ := cut(t, Config{Slide: s})
		frame, err := segment.NewFrame(r.Pyramid.Size, s.Info().MPP, 1.3)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := FindTissue(&r, frame, DefaultTissue())
		if n := m.Count(); n[segment.Tissue] != len(m.Class) {
			t.Errorf("%s: %v", name, n)
		}
	}
}

func TestUndecodableSlideIsRefused(t *testing.T) {
	s := openData(t, "slides/unreadable.svs", slide.Options{MPP: 0.5})
	if r, err := Cut(t.Context(), Config{Slide: s, Bucket: mem.New()}); err == nil {
		t.Errorf("cut %+v", r)
	}
}

func BenchmarkCutOfARealSlide(b *testing.B) {
	s := openData(b, cmu, slide.Options{})
	for name, quality := range map[string]int{"copied": 0, "encoded": 85} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(s.Info().Size().Pixels())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Cut(context.Background(), Config{Slide: s, Bucket: mem.New(), Quality: quality}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
