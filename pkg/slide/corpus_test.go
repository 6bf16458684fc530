package slide_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// What one file of the corpus may take.
const (
	corpusTime   = 2 * time.Second
	corpusMemory = 256 << 20
	corpusFiles  = 267
)

// TestCorpus opens every file of the corpus of whole, odd and damaged TIFFs and reads all of it. Each
// ends in pixels or in an error that says whose fault it is, in bounded time and memory. Memory is what
// was allocated in all, freed or not, so the bound holds whatever the garbage collector does.
func TestCorpus(t *testing.T) {
	dir := dataDir(t, "tiff-corpus")
	var files, pixels int
	var slowest time.Duration
	var most uint64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".tsv" {
			return err
		}
		files++
		before, begin := allocated(), time.Now()
		err = readWhole(t.Context(), path)
		took, bytes := time.Since(begin), allocated()-before
		if err == nil {
			pixels++
		} else if !blames(err) {
			t.Errorf("%s: %v says not whose fault it is", entry.Name(), err)
		}
		if took > corpusTime || bytes > corpusMemory {
			t.Errorf("%s: took %v and %d MiB", entry.Name(), took, bytes>>20)
		}
		slowest, most = max(slowest, took), max(most, bytes)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files != corpusFiles {
		t.Errorf("%d files, want %d", files, corpusFiles)
	}
	t.Logf("%d files: %d ended in pixels, %d in a clear error; slowest %v, most memory allocated %.1f MiB",
		files, pixels, files-pixels, slowest, float64(most)/(1<<20))
}

// allocated is the number of bytes that the program has allocated on its heap since it began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// blames reports whether an error is one of those that Open and ReadTile promise.
func blames(err error) bool {
	var format *slide.FormatError
	var unsupported *slide.UnsupportedError
	return errors.As(err, &format) || errors.As(err, &unsupported) || errors.Is(err, slide.ErrEmpty) ||
		errors.Is(err, slide.ErrText) || errors.Is(err, slide.ErrUnknown)
}

// readWhole reads every tile and associated image of a slide, up to the first error.
func readWhole(ctx context.Context, path string) error {
	s, err := slide.Open(ctx, path, slide.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	return readAll(ctx, s, 1<<20)
}

// readAll reads the first tiles of a slide, at most limit, and its associated images.
func readAll(ctx context.Context, s slide.Slide, limit int) error {
	var tile image.RGBA
	info := s.Info()
	for level, l := range info.Levels {
		for row := range pyramid.CeilDiv(l.Size.H, l.TileSize.H) {
			for col := range pyramid.CeilDiv(l.Size.W, l.TileSize.W) {
				if limit--; limit < 0 {
					return nil
				}
				if err := s.ReadTile(ctx, level, col, row, &tile); err != nil {
					return err
				}
				if raw, ok := s.(slide.RawTiler); ok {
					if _, _, err := raw.RawTile(ctx, level, col, row, nil); err != nil {
						return err
					}
				}
			}
		}
	}
	for _, name := range info.Associated {
		if _, err := s.Associated(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// A vendor's file whose description is damaged is refused by name: the generic reader would misplace it.
func TestRefusedVendors(t *testing.T) {
	for vendor, fields := range map[string][]slidetest.Field{
		"philips-tiff": {slidetest.Text(270, "<DataObject ObjectType=\"DPUfsImport\"><Attribute"), slidetest.Text(305, "Philips DP v1.0")},
		"trestle":      {slidetest.Text(305, "MedScan")},
		"leica-scn":    {slidetest.Text(270, `<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"/>`)},
		"ventana":      {slidetest.Undefined(700, []byte(`<Metadata><iScan/></Metadata>`))},
	} {
		b := slidetest.NewBuilder(binary.LittleEndian, false)
		b.Directory(append([]slidetest.Field{slidetest.Long(256, 1), slidetest.Long(257, 1)}, fields...)...)
		err := readWhole(t.Context(), writeFile(t, "x.tiff", b.Bytes()))
		if !blames(err) || !strings.Contains(err.Error(), vendor) {
			t.Errorf("%s: %v", vendor, err)
		}
	}
}

// FuzzOpen reads whole files: any bytes end in pixels or in an error that blames someone, within the
// corpus's bounds.
func FuzzOpen(f *testing.F) {
	for _, seed := range openSeeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 1<<17 {
			return
		}
		before, begin := allocated(), time.Now()
		err := openBytes(t.Context(), data)
		if err != nil && (!blames(err) || strings.Contains(err.Error(), "runtime error")) {
			t.Fatalf("error %v", err)
		}
		if took, bytes := time.Since(begin), allocated()-before; took > 5*corpusTime || bytes > 2*corpusMemory {
			t.Fatalf("took %v and %d MiB", took, bytes>>20)
		}
	})
}

func openBytes(ctx context.Context, data []byte) error {
	s, err := slide.OpenReader(bytes.NewReader(data), int64(len(data)), slide.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	return readAll(ctx, s, 64)
}

// openSeeds are whole files of every format.
func openSeeds(f testing.TB) (seeds [][]byte) {
	size := pyramid.Size{W: 40, H: 24}
	picture := slidetest.Raster(size.Bounds(), 0, slidetest.Smooth)
	for _, path := range []string{
		slidetest.Pyramid{Size: size, Tile: 16, Levels: 2, MPP: 0.5}.Write(f),
		slidetest.Pyramid{Size: size, Tile: 32, Levels: 1, JPEG: true}.Write(f),
		aperioFile(f, aperioText), writeImage(f, "x.png", picture), writeImage(f, "x.jpg", picture),
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	for _, data := range vendorSlides(f) {
		seeds = append(seeds, data)
	}
	return append(seeds, slidetest.NDPI{Size: pyramid.Size{W: 64, H: 48}}.Bytes(f))
}

// Three hundred damaged copies of a slide, each with a few bytes changed: a short fuzzing run that needs
// no fuzzer and always tries the same.
func TestPatchedSlides(t *testing.T) {
	whole := buildAperio(aperioImages(aperioText)...)
	directories := len(whole) - 2500
	for i := range 300 {
		data := bytes.Clone(whole)
		for k := range 1 + i%4 {
			at := directories + (i*7919+k*104729)%(len(whole)-directories)
			data[at] ^= byte(1 << ((i + k) % 8))
		}
		if err := openBytes(t.Context(), data); err != nil && !blames(err) {
			t.Fatalf("copy %d: %v", i, fmt.Errorf("blames nobody: %w", err))
		}
	}
}
