package slide_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// TestRawTileIsTheFiles: the scan of every raw tile of a real slide stands in the file byte by byte, and
// the stream decodes to the pixels that ReadTile gives.
func TestRawTileIsTheFiles(t *testing.T) {
	path := filepath.Join(dataDir(t, "slides"), "CMU-1-Small-Region.svs")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := opener(path, slide.Options{})(t)
	defer s.Close()
	differing, tiles := 0, 0
	slidetest.Tiles(s.Info(), func(level, col, row int) {
		stream, ok, err := s.(slide.RawTiler).RawTile(t.Context(), level, col, row, nil)
		if !ok || err != nil {
			t.Fatalf("raw tile %d_%d: %t, %v", col, row, ok, err)
		}
		tiles++
		if scan := stream[bytes.Index(stream, []byte{0xFF, 0xDA}):]; !bytes.Contains(file, scan) {
			differing++
		}
		if tiles%10 != 1 {
			return
		}
		alone := opener(writeFile(t, "tile.jpg", stream), slide.Options{})(t)
		defer alone.Close()
		tile, whole := slidetest.Read(t, s, level, col, row), slidetest.Read(t, alone, 0, 0, 0)
		for y := range tile.Rect.Dy() {
			n := 4 * tile.Rect.Dx()
			if !bytes.Equal(tile.Pix[y*tile.Stride:][:n], whole.Pix[y*whole.Stride:][:n]) {
				t.Fatalf("raw tile %d_%d: row %d differs", col, row, y)
			}
		}
	})
	t.Logf("%d of %d raw tiles differ from the file", differing, tiles)
	if differing > 0 {
		t.Errorf("%d of %d raw tiles differ from the file", differing, tiles)
	}
}
