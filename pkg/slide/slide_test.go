package slide_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// opener opens a file for the conformance suite.
func opener(path string, o slide.Options) func(*testing.T) slide.Slide {
	return func(t *testing.T) slide.Slide {
		t.Helper()
		s, err := slide.Open(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// writeFile writes a file of the test.
func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeImage writes a picture as PNG or JPEG, by the name's ending.
func writeImage(t testing.TB, name string, im image.Image) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if strings.HasSuffix(name, ".png") {
		err = png.Encode(f, im)
	} else {
		err = jpeg.Encode(f, im, &jpeg.Options{Quality: 95})
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConformance(t *testing.T) {
	small := pyramid.Size{W: 70, H: 45}
	picture := slidetest.Raster(image.Rect(0, 0, 300, 270), 0, slidetest.Smooth)
	for name, path := range map[string]string{
		"deflate pyramid": slidetest.Pyramid{Size: small, Tile: 16, Levels: 3, MPP: 0.5}.Write(t),
		"jpeg pyramid":    slidetest.Pyramid{Size: small, Tile: 32, Levels: 2, JPEG: true, MPP: 0.25}.Write(t),
		"sparse pyramid":  slidetest.Pyramid{Size: small, Tile: 16, Levels: 2, Skip: func(_, col, row int) bool { return (col+row)%2 == 0 }}.Write(t),
		"aperio":          aperioFile(t, aperioText),
		"png":             writeImage(t, "x.png", picture),
		"jpeg":            writeImage(t, "x.jpg", picture),
	} {
		t.Run(name, func(t *testing.T) { slidetest.Run(t, opener(path, slide.Options{MPP: 1})) })
	}
}

// The slides that come with the test data.
func TestConformanceRealSlides(t *testing.T) {
	for _, name := range []string{"CMU-1-Small-Region.svs", "small.svs", "boxes.tiff", "test_orient6.tif"} {
		path := filepath.Join(dataDir(t, "slides"), name)
		t.Run(name, func(t *testing.T) { slidetest.Run(t, opener(path, slide.Options{})) })
	}
}

// TestPyramidPixels reads every pixel of every level of a lossless pyramid back.
func TestPyramidPixels(t *testing.T) {
	path := slidetest.Pyramid{Size: pyramid.Size{W: 100, H: 61}, Tile: 16, Levels: 4, MPP: 0.5}.Write(t)
	s := opener(path, slide.Options{})(t)
	defer s.Close()
	info := s.Info()
	if len(info.Levels) != 4 || info.Vendor != "generic-tiff" || info.Levels[0].Codec != "deflate" {
		t.Fatalf("info %+v", info)
	}
	if info.MPP != (pyramid.MPP{X: 0.5, Y: 0.5, Source: pyramid.FromFile}) {
		t.Errorf("scale %+v, want 0.5 from the file", info.MPP)
	}
	slidetest.Tiles(info, func(level, col, row int) {
		tile := slidetest.Read(t, s, level, col, row)
		if !slidetest.Equal(tile, slidetest.Raster(tile.Rect, level, slidetest.Colour)) {
			t.Fatalf("tile %d/%d_%d differs", level, col, row)
		}
	})
}

// Tiles that were never scanned are transparent, their neighbours are not.
func TestSparseTilesAreTransparent(t *testing.T) {
	skip := func(level, col, row int) bool { return level == 0 && col == 1 }
	path := slidetest.Pyramid{Size: pyramid.Size{W: 40, H: 20}, Tile: 16, Levels: 2, JPEG: true, Skip: skip}.Write(t)
	s := opener(path, slide.Options{})(t)
	defer s.Close()
	slidetest.Tiles(s.Info(), func(level, col, row int) {
		want := uint8(255)
		if skip(level, col, row) {
			want = 0
		}
		if got := slidetest.Read(t, s, level, col, row).Pix[3]; got != want {
			t.Errorf("tile %d/%d_%d has alpha %d, want %d", level, col, row, got, want)
		}
	})
	if _, ok, err := s.(slide.RawTiler).RawTile(t.Context(), 0, 1, 0, nil); ok || err != nil {
		t.Errorf("raw tile of a missing one: %t, %v", ok, err)
	}
}

func TestPNGAlphaLiesOnWhite(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 3, 1))
	im.SetNRGBA(0, 0, color.NRGBA{200, 100, 50, 255})
	im.SetNRGBA(1, 0, color.NRGBA{0, 0, 0, 51})
	s := opener(writeImage(t, "x.png", im), slide.Options{MPP: 1})(t)
	defer s.Close()
	tile := slidetest.Read(t, s, 0, 0, 0)
	for x, want := range []color.RGBA{{200, 100, 50, 255}, {204, 204, 204, 255}, {}} {
		if got := tile.RGBAAt(x, 0); got != want {
			t.Errorf("pixel %d is %v, want %v", x, got, want)
		}
	}
	if got := s.Info().MPP; got.Source != pyramid.FromOperator || got.X != 1 {
		t.Errorf("scale %+v, want the operator's", got)
	}
}

// TestBadInput: what a night operator may point the program at. Each error names the file and says
// what to do.
func TestBadInput(t *testing.T) {
	whole, err := os.ReadFile(slidetest.Pyramid{Size: pyramid.Size{W: 64, H: 64}, Tile: 16, Levels: 1}.Write(t))
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	pngFile, err := os.ReadFile(writeImage(t, "x.png", slidetest.Raster(image.Rect(0, 0, 64, 64), 0, slidetest.Colour)))
	if err != nil {
		t.Fatal(err)
	}
	jpegFile, err := os.ReadFile(writeImage(t, "x.jpg", slidetest.Raster(image.Rect(0, 0, 64, 64), 0, slidetest.Smooth)))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path, want string
		is         error
	}{
		"missing":         {filepath.Join(t.TempDir(), "none.svs"), "none.svs", os.ErrNotExist},
		"directory":       {t.TempDir(), "name a slide file in it", slide.ErrDirectory},
		"pipe":            {pipe, "not a regular file", slide.ErrNotRegular},
		"empty":           {writeFile(t, "empty.svs", nil), "copy it again", slide.ErrEmpty},
		"text":            {writeFile(t, "notes.svs", []byte("Patient list\nname,date\n")), "text file", slide.ErrText},
		"short text":      {writeFile(t, "notes.svs", []byte("é")), "text file", slide.ErrText},
		"deep zoom":       {writeFile(t, "x.dzi", []byte(`<?xml version="1.0"?><Image xmlns="http://schemas.microsoft.com/deepzoom/2008"/>`)), "name the slide", slide.ErrDeepZoom},
		"zeros":           {writeFile(t, "zeros.svs", make([]byte, 5000)), "no slide format", slide.ErrUnknown},
		"zip":             {writeFile(t, "x.zip", []byte("PK\x03\x04\x00\xff\xfe")), "no directory at its end", nil},
		"cut in half":     {writeFile(t, "cut.svs", whole[:len(whole)/2]), "cut short", nil},
		"cut before end":  {writeFile(t, "cut.svs", whole[:len(whole)-9]), "cut short", nil},
		"only a header":   {writeFile(t, "cut.svs", whole[:16]), "cut short", nil},
		"png, cut":        {writeFile(t, "cut.png", pngFile[:len(pngFile)/2]), "cut short", nil},
		"png, header":     {writeFile(t, "cut.png", pngFile[:10]), "cut short", nil},
		"png, bombed":     {writeFile(t, "bomb.png", pngBomb(pngFile)), "png", nil},
		"jpeg, cut":       {writeFile(t, "cut.jpg", jpegFile[:len(jpegFile)*9/10]), "breaks off", nil},
		"jpeg, header":    {writeFile(t, "cut.jpg", jpegFile[:30]), "jpeg", nil},
		"jpeg, too large": {writeFile(t, "big.jpg", hugeJPEG(jpegFile)), "65535 by 65535", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := slide.Open(t.Context(), c.path, slide.Options{})
			if err == nil {
				s.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("error %q, want %q and the file's name in it", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v is not %v", err, c.is)
			}
			var format *slide.FormatError
			var unsupported *slide.UnsupportedError
			if c.is == nil && !errors.As(err, &format) && !errors.As(err, &unsupported) {
				t.Errorf("error %v blames nobody", err)
			}
		})
	}
}

// pngBomb claims 2^31-1 pixels a side. Its checksum is wrong too, which must not matter.
func pngBomb(whole []byte) []byte {
	out := append([]byte(nil), whole...)
	copy(out[16:], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	return out
}

// hugeJPEG claims the largest size that a frame header can.
func hugeJPEG(whole []byte) []byte {
	out := append([]byte(nil), whole...)
	at := strings.Index(string(out), "\xff\xc0")
	copy(out[at+5:], []byte{0xff, 0xff, 0xff, 0xff})
	return out
}

func TestOperatorsScale(t *testing.T) {
	path := slidetest.Pyramid{Size: pyramid.Size{W: 16, H: 16}, Tile: 16, Levels: 1, MPP: 0.5}.Write(t)
	s := opener(path, slide.Options{MPP: 0.25})(t)
	s.Close()
	if got := s.Info().MPP; got != (pyramid.MPP{X: 0.25, Y: 0.25, Source: pyramid.FromOperator}) {
		t.Errorf("scale %+v, want the operator's 0.25", got)
	}
	if _, err := slide.Open(t.Context(), path, slide.Options{MPP: 5000}); err == nil || !strings.Contains(err.Error(), "--mpp") {
		t.Errorf("--mpp 5000: %v", err)
	}
}

func TestOpenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := slidetest.Pyramid{Size: pyramid.Size{W: 16, H: 16}, Tile: 16, Levels: 1}.Write(t)
	if _, err := slide.Open(ctx, path, slide.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	if _, err := slide.Hash(ctx, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("hash: %v", err)
	}
}

// unreadable.svs opens; its tile does not decode, and says which one it is.
func TestUnreadableTile(t *testing.T) {
	s := opener(filepath.Join(dataDir(t, "slides"), "unreadable.svs"), slide.Options{})(t)
	defer s.Close()
	var tile image.RGBA
	err := s.ReadTile(t.Context(), 0, 0, 0, &tile)
	var at *slide.TileError
	var format *slide.FormatError
	if !errors.As(err, &at) || !errors.As(err, &format) || at.Level != 0 || at.Col != 0 || at.Row != 0 {
		t.Errorf("error %v, want a TileError of 0/0_0 around a FormatError", err)
	}
}

// CMU-1 cut short must not open, wherever the cut is.
func TestTruncatedRealSlide(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(dataDir(t, "slides"), "CMU-1-Small-Region.svs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, percent := range []int{1, 25, 50, 75, 90, 99} {
		path := writeFile(t, "cut.svs", whole[:len(whole)*percent/100])
		if s, err := slide.Open(t.Context(), path, slide.Options{}); err == nil {
			s.Close()
			t.Errorf("%d %% of the file opens", percent)
		} else if !strings.Contains(err.Error(), "cut short") {
			t.Errorf("%d %%: %v", percent, err)
		}
	}
}
