package tiff_test

import (
	"bytes"
	"errors"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// memory is a file in memory that can fail after so many bytes.
type memory struct {
	data  []byte
	at    int
	limit int // 0: none
}

var errDiskFull = errors.New("no space left on device")

func (m *memory) Write(p []byte) (int, error) {
	if m.limit > 0 && m.at+len(p) > m.limit {
		return 0, errDiskFull
	}
	if grow := m.at + len(p) - len(m.data); grow > 0 {
		m.data = append(m.data, make([]byte, grow)...)
	}
	m.at += copy(m.data[m.at:], p)
	return len(p), nil
}

func (m *memory) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		m.at = int(offset)
	case io.SeekEnd:
		m.at = len(m.data) + int(offset)
	}
	return int64(m.at), nil
}

// TestWriterRoundTrip writes pyramids of any shape, their tiles in any order, and reads every pixel
// back.
func TestWriterRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := pyramid.Size{W: rapid.IntRange(1, 70).Draw(t, "w"), H: rapid.IntRange(1, 70).Draw(t, "h")}
		levels := rapid.IntRange(1, 4).Draw(t, "levels")
		var out memory
		w, err := tiff.NewWriter(&out, tiff.Config{Description: "made by a test", Software: "x"})
		if err != nil {
			t.Fatal(err)
		}
		type at struct{ level, col, row int }
		var todo []at
		sizes := []pyramid.Size{}
		for level := range levels {
			if _, err := w.AddLevel(tiff.LevelConfig{Size: size, Tile: 16, Samples: 3, Photometric: tiff.RGB, Compression: tiff.Deflate}); err != nil {
				t.Fatal(err)
			}
			g := pyramid.Grid{Size: size, Tile: 16}
			for row := range g.Rows() {
				for col := range g.Cols() {
					todo = append(todo, at{level, col, row})
				}
			}
			sizes = append(sizes, size)
			size = size.Half()
		}
		for _, a := range rapid.Permutation(todo).Draw(t, "order") {
			r := image.Rect(0, 0, 16, 16).Add(image.Pt(16*a.col, 16*a.row))
			data, err := tiff.DeflateTile(nil, slidetest.RGB(slidetest.Raster(r, a.level, slidetest.Colour)))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WriteTile(a.level, a.col, a.row, data); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		checkLevels(t, out.data, sizes)
	})
}

func checkLevels(t *rapid.T, data []byte, sizes []pyramid.Size) {
	f, err := tiff.Parse(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Directories) != len(sizes) || !f.Big {
		t.Fatalf("%d directories, big %t; want %d, true", len(f.Directories), f.Big, len(sizes))
	}
	for level, d := range f.Directories {
		im, err := f.Image(d)
		if err != nil {
			t.Fatal(err)
		}
		if im.Size != sizes[level] || (d.Uint(tiff.TagNewSubfileType, 9) == 1) != (level > 0) {
			t.Fatalf("level %d is %s, subfile type %d", level, im.Size, d.Uint(tiff.TagNewSubfileType, 9))
		}
		var tile image.RGBA
		for row := range im.Rows() {
			for col := range im.Cols() {
				if err := im.ReadTile(col, row, &tile); err != nil {
					t.Fatal(err)
				}
				if !slidetest.Equal(&tile, slidetest.Raster(tile.Rect, level, slidetest.Colour)) {
					t.Fatalf("tile %d/%d_%d differs", level, col, row)
				}
			}
		}
	}
}

// smallWriter is a writer with one level of 2 by 1 tiles.
func smallWriter(t *testing.T, out io.WriteSeeker, sparse bool) *tiff.Writer {
	t.Helper()
	w, err := tiff.NewWriter(out, tiff.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddLevel(tiff.LevelConfig{Size: pyramid.Size{W: 32, H: 16}, Tile: 16, Samples: 1, Photometric: tiff.BlackIsZero, Compression: tiff.None, Sparse: sparse}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWriterRefuses(t *testing.T) {
	var out memory
	w := smallWriter(t, &out, false)
	tile := make([]byte, 256)
	if err := w.WriteTile(0, 2, 0, tile); err == nil || !strings.Contains(err.Error(), "2 by 1 tiles") {
		t.Errorf("a tile outside the grid: %v", err)
	}
	if err := w.WriteTile(1, 0, 0, tile); err == nil {
		t.Error("a level that is not there: no error")
	}
	if err := w.WriteTile(0, 0, 0, nil); err == nil {
		t.Error("a tile of no bytes: no error")
	}
	if err := w.WriteTile(0, 0, 0, tile); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteTile(0, 0, 0, tile); !errors.Is(err, tiff.ErrTileTwice) {
		t.Errorf("a tile twice: %v", err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "1 of 2 tiles were not written") {
		t.Errorf("a hole: %v", err)
	}
	if _, err := tiff.Parse(bytes.NewReader(out.data), int64(len(out.data))); err == nil {
		t.Error("a file whose Close failed opens")
	}
	for name, cfg := range map[string]tiff.LevelConfig{
		"tile of 100":       {Size: pyramid.Size{W: 1, H: 1}, Tile: 100, Samples: 1, Photometric: tiff.BlackIsZero},
		"no size":           {Tile: 16, Samples: 1, Photometric: tiff.BlackIsZero},
		"two samples":       {Size: pyramid.Size{W: 1, H: 1}, Tile: 16, Samples: 2, Photometric: tiff.BlackIsZero},
		"grey called RGB":   {Size: pyramid.Size{W: 1, H: 1}, Tile: 16, Samples: 1, Photometric: tiff.RGB},
		"2^40 pixels wide":  {Size: pyramid.Size{W: 1 << 40, H: 1 << 40}, Tile: 16, Samples: 1, Photometric: tiff.BlackIsZero},
		"larger than level": {Size: pyramid.Size{W: 64, H: 64}, Tile: 16, Samples: 1, Photometric: tiff.BlackIsZero},
	} {
		if _, err := smallWriter(t, &memory{}, true).AddLevel(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A disk that fills up is reported by Close at the latest, and the file opens nowhere.
func TestWriterDiskFull(t *testing.T) {
	whole := &memory{}
	write := func(out *memory) error {
		w := smallWriter(t, out, false)
		for col := range 2 {
			if err := w.WriteTile(0, col, 0, make([]byte, 256)); err != nil {
				return err
			}
		}
		return w.Close()
	}
	if err := write(whole); err != nil {
		t.Fatal(err)
	}
	for limit := 1; limit < len(whole.data); limit += 7 {
		out := &memory{limit: limit}
		if err := write(out); !errors.Is(err, errDiskFull) {
			t.Fatalf("disk of %d bytes: %v", limit, err)
		}
		if _, err := tiff.Parse(bytes.NewReader(out.data), int64(len(out.data))); err == nil {
			t.Fatalf("disk of %d bytes: the torso opens", limit)
		}
	}
}

// Goroutines may write tiles at once; the race detector watches.
func TestWriterConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.tiff")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := tiff.NewWriter(f, tiff.Config{MPP: pyramid.MPP{X: 0.25, Y: 0.25, Source: pyramid.FromFile}})
	if err != nil {
		t.Fatal(err)
	}
	const side = 8
	if _, err := w.AddLevel(tiff.LevelConfig{Size: pyramid.Size{W: 16 * side, H: 16 * side}, Tile: 16, Samples: 1, Photometric: tiff.BlackIsZero, Compression: tiff.None}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for row := range side {
		wg.Go(func() {
			for col := range side {
				if err := w.WriteTile(0, col, row, bytes.Repeat([]byte{byte(row*side + col)}, 256)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := tiff.Parse(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	im, err := file.Image(file.Directories[0])
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := file.Directories[0].Rational(tiff.TagXResolution); !ok || x != 40000 {
		t.Errorf("XResolution %v, want 40000 pixels per centimetre", x)
	}
	var tile image.RGBA
	for row := range side {
		for col := range side {
			if err := im.ReadTile(col, row, &tile); err != nil {
				t.Fatal(err)
			}
			if got := tile.Pix[0]; got != byte(row*side+col) {
				t.Fatalf("tile %d_%d holds %d", col, row, got)
			}
		}
	}
}
