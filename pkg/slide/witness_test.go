package slide_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// errOutage wraps an EOF, as a connection that breaks does: it is not the end of the file.
var errOutage = fmt.Errorf("connection reset: %w", io.EOF)

// outage is a storage that answers so many reads and no more.
type outage struct {
	io.ReaderAt
	left atomic.Int64
}

func (o *outage) ReadAt(p []byte, at int64) (int, error) {
	if o.left.Add(-1) < 0 {
		return 0, errOutage
	}
	return o.ReaderAt.ReadAt(p, at)
}

// TestOutage: wherever the storage fails in the reading of a slide of whatever format, no tile and no file is
// called damaged, and nothing that was read before passes for the whole.
func TestOutage(t *testing.T) {
	slides := append(openSeeds(t), threeLevels(), sziFile(t, pyramid.Size{W: 300, H: 200}, 64, 0))
	for i, data := range slides {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			whole := &outage{ReaderAt: bytes.NewReader(data)}
			whole.left.Store(1 << 40)
			if err := readEverything(t.Context(), whole, int64(len(data))); err != nil {
				t.Fatal(err)
			}
			reads := 1<<40 - whole.left.Load()
			for n := int64(0); n < reads; n += 1 + reads/100 {
				o := &outage{ReaderAt: bytes.NewReader(data)}
				o.left.Store(n)
				err := readEverything(t.Context(), o, int64(len(data)))
				var damage *slide.TileError
				if !errors.Is(err, errOutage) || blames(err) || errors.As(err, &damage) {
					t.Errorf("after %d of %d reads: %v", n, reads, err)
				}
			}
		})
	}
}

// readEverything opens a slide and reads all that it holds, to the end even when something fails.
func readEverything(ctx context.Context, r io.ReaderAt, size int64) error {
	s, err := slide.OpenReader(r, size, slide.Options{PureJPEG: true})
	if err != nil {
		return err
	}
	raws, ok := s.(slide.RawTiler)
	slidetest.Tiles(s.Info(), func(level, col, row int) {
		var rawErr error
		if ok {
			_, _, rawErr = raws.RawTile(ctx, level, col, row, nil)
		}
		err = errors.Join(err, rawErr, s.ReadTile(ctx, level, col, row, new(image.RGBA)))
	})
	for _, name := range s.Info().Associated {
		_, bad := s.Associated(ctx, name)
		err = errors.Join(err, bad)
	}
	return err
}

// TestSeriesOutage: a file of a DICOM series that cannot be opened again when it is needed is no damaged tile.
func TestSeriesOutage(t *testing.T) {
	dir := slidetest.DICOM{Size: pyramid.Size{W: 200, H: 130}, Tile: 64, Levels: 2}.Write(t)
	s, err := slide.Open(t.Context(), dir, slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	slide.LetGo(s)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	err = s.ReadTile(t.Context(), 0, 0, 0, new(image.RGBA))
	if !errors.Is(err, fs.ErrNotExist) || blames(err) || errors.As(err, new(*slide.TileError)) || strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}
