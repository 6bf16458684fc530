package slidetest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"sync"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// Run checks that what open gives keeps the promises of slide.Slide. open is called once per subtest
// and must give the same slide each time; its tiles must all be readable.
func Run(t *testing.T, open func(t *testing.T) slide.Slide) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, slide.Slide)
	}{
		{"info", checkInfo},
		{"every tile once", checkCover},
		{"same pixels again", checkDeterminism},
		{"many goroutines", checkConcurrency},
		{"outside the grid", checkOutside},
		{"cancelled", checkCancelled},
		{"associated images", checkAssociated},
		{"raw tiles", checkRaw},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer s.Close()
			c.check(t, s)
		})
	}
}

// Tiles calls visit for every tile of every level, in order.
func Tiles(info slide.Info, visit func(level, col, row int)) {
	for level, l := range info.Levels {
		for row := range pyramid.CeilDiv(l.Size.H, l.TileSize.H) {
			for col := range pyramid.CeilDiv(l.Size.W, l.TileSize.W) {
				visit(level, col, row)
			}
		}
	}
}

// sample calls visit for at most some 32 tiles, spread evenly: what several tiles show need not be
// shown on all of a large slide.
func sample(info slide.Info, visit func(level, col, row int)) {
	total := 0
	Tiles(info, func(int, int, int) { total++ })
	step, i := max(total/32, 1), 0
	Tiles(info, func(level, col, row int) {
		if i++; (i-1)%step == 0 {
			visit(level, col, row)
		}
	})
}

// checkInfo: sizes are positive, the finest level is first, names are sorted and the caller's copy is
// his own.
func checkInfo(t *testing.T, s slide.Slide) {
	info := s.Info()
	if info.Vendor == "" || len(info.Levels) == 0 || info.Levels[0].Downsample != 1 {
		t.Fatalf("info %+v: want a vendor, and a level 0 with downsample 1", info)
	}
	for i, l := range info.Levels {
		if l.Size.Empty() || l.TileSize.Empty() || l.Codec == "" {
			t.Errorf("level %d: %+v", i, l)
		}
		if i > 0 && (l.Downsample < info.Levels[i-1].Downsample || l.Size.W > info.Levels[i-1].Size.W) {
			t.Errorf("level %d is finer than the one before: %+v", i, info.Levels)
		}
	}
	if info.Associated == nil || !slices.IsSorted(info.Associated) {
		t.Errorf("associated %#v: want a sorted list, empty rather than nil", info.Associated)
	}
	info.Levels[0].Size.W = -1
	if s.Info().Levels[0].Size.W == -1 {
		t.Error("a change to the caller's Info reached the slide")
	}
}

// checkCover: the tiles of a level cover each pixel exactly once, and every pixel is either opaque or
// transparent.
func checkCover(t *testing.T, s slide.Slide) {
	info := s.Info()
	covered := make([]int64, len(info.Levels))
	Tiles(info, func(level, col, row int) {
		l := info.Levels[level]
		want := image.Rect(0, 0, l.TileSize.W, l.TileSize.H).Add(image.Pt(col*l.TileSize.W, row*l.TileSize.H)).Intersect(l.Size.Bounds())
		tile := Read(t, s, level, col, row)
		if tile.Rect != want || tile.Stride < 4*want.Dx() {
			t.Fatalf("tile %d/%d_%d: bounds %v stride %d, want %v", level, col, row, tile.Rect, tile.Stride, want)
		}
		covered[level] += int64(want.Dx()) * int64(want.Dy())
		for i := 3; i < len(tile.Pix); i += 4 {
			if a := tile.Pix[i]; a != 0 && a != 255 {
				t.Fatalf("tile %d/%d_%d has alpha %d, want 0 or 255", level, col, row, a)
			}
		}
	})
	for i, l := range info.Levels {
		if covered[i] != l.Size.Pixels() {
			t.Errorf("level %d: tiles cover %d pixels of %d", i, covered[i], l.Size.Pixels())
		}
	}
}

// checkDeterminism: a tile has the same pixels in fresh memory, in memory that held another tile and
// in memory that is too small.
func checkDeterminism(t *testing.T, s slide.Slide) {
	reused := image.NewRGBA(image.Rect(0, 0, 3, 3))
	sample(s.Info(), func(level, col, row int) {
		fresh := Read(t, s, level, col, row)
		for i := range reused.Pix {
			reused.Pix[i] = 0x5A
		}
		if err := s.ReadTile(t.Context(), level, col, row, reused); err != nil {
			t.Fatal(err)
		}
		if !Equal(fresh, reused) {
			t.Fatalf("tile %d/%d_%d differs in reused memory", level, col, row)
		}
	})
}

// checkConcurrency: goroutines that read all tiles at once see the pixels that one alone sees. Run it
// under the race detector.
func checkConcurrency(t *testing.T, s slide.Slide) {
	info := s.Info()
	var want []*image.RGBA
	sample(info, func(level, col, row int) { want = append(want, Read(t, s, level, col, row)) })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var tile image.RGBA
			i := 0
			sample(info, func(level, col, row int) {
				if err := s.ReadTile(t.Context(), level, col, row, &tile); err != nil || !Equal(&tile, want[i]) {
					t.Errorf("tile %d/%d_%d read beside others: differs or %v", level, col, row, err)
				}
				i++
			})
		})
	}
	wg.Wait()
}

// checkOutside: a tile that is not on the grid is an error, not a panic.
func checkOutside(t *testing.T, s slide.Slide) {
	info := s.Info()
	l := info.Levels[0]
	cols, rows := pyramid.CeilDiv(l.Size.W, l.TileSize.W), pyramid.CeilDiv(l.Size.H, l.TileSize.H)
	for _, at := range [][3]int{{-1, 0, 0}, {len(info.Levels), 0, 0}, {0, -1, 0}, {0, 0, -1}, {0, cols, 0}, {0, 0, rows}} {
		var tile image.RGBA
		if err := s.ReadTile(t.Context(), at[0], at[1], at[2], &tile); err == nil {
			t.Errorf("tile %v: no error", at)
		}
	}
}

// checkCancelled: a cancelled context is reported as such and blames no tile.
func checkCancelled(t *testing.T, s slide.Slide) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var tile image.RGBA
	err := s.ReadTile(ctx, 0, 0, 0, &tile)
	var blamed *slide.TileError
	if !errors.Is(err, context.Canceled) || errors.As(err, &blamed) {
		t.Errorf("read with a cancelled context: %v", err)
	}
}

// checkAssociated: every listed image decodes; a name that is not listed is slide.ErrNoAssociated.
func checkAssociated(t *testing.T, s slide.Slide) {
	for _, name := range s.Info().Associated {
		im, err := s.Associated(t.Context(), name)
		if err != nil || im.Bounds().Empty() {
			t.Errorf("associated %q: %v", name, err)
		}
	}
	if _, err := s.Associated(t.Context(), "no such"); !errors.Is(err, slide.ErrNoAssociated) {
		t.Errorf("unknown associated image: %v, want ErrNoAssociated", err)
	}
}

// checkRaw: a raw tile is a JPEG that the standard library decodes, of at least the tile's size.
func checkRaw(t *testing.T, s slide.Slide) {
	raw, ok := s.(slide.RawTiler)
	if !ok {
		t.Skip("the slide has no raw tiles")
	}
	sample(s.Info(), func(level, col, row int) {
		stream, ok, err := raw.RawTile(t.Context(), level, col, row, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := s.Info().Levels[level].Codec == "jpeg"; ok && !want {
			t.Fatalf("tile %d/%d_%d: a JPEG out of a %s level", level, col, row, s.Info().Levels[level].Codec)
		}
		if !ok {
			return
		}
		im, err := jpeg.Decode(bytes.NewReader(stream))
		if err != nil {
			t.Fatalf("raw tile %d/%d_%d: %v", level, col, row, err)
		}
		if tile := Read(t, s, level, col, row).Rect; im.Bounds().Dx() < tile.Dx() || im.Bounds().Dy() < tile.Dy() {
			t.Fatalf("raw tile %d/%d_%d is %v, the tile %v", level, col, row, im.Bounds(), tile)
		}
	})
}

// Read reads a tile into fresh memory or fails the test.
func Read(t testing.TB, s slide.Slide, level, col, row int) *image.RGBA {
	t.Helper()
	var tile image.RGBA
	if err := s.ReadTile(t.Context(), level, col, row, &tile); err != nil {
		t.Fatal(err)
	}
	return &tile
}

// Equal reports whether two rasters have the same bounds and pixels.
func Equal(a, b *image.RGBA) bool {
	if a.Rect != b.Rect {
		return false
	}
	for y := a.Rect.Min.Y; y < a.Rect.Max.Y; y++ {
		n := 4 * a.Rect.Dx()
		if !bytes.Equal(a.Pix[a.PixOffset(a.Rect.Min.X, y):][:n], b.Pix[b.PixOffset(b.Rect.Min.X, y):][:n]) {
			return false
		}
	}
	return true
}
