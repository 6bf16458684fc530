package slide_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// sziFile is an archive of PNG tiles of Colour's pixels.
func sziFile(t testing.TB, size pyramid.Size, tile, overlap int) []byte {
	t.Helper()
	return sziOf(t, size, tile, overlap,
		fmt.Appendf(nil, `<?xml version="1.0"?><Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="png" Overlap="%d" TileSize="%d"><Size Width="%d" Height="%d"/></Image>`, overlap, tile, size.W, size.H),
		[]byte(`<image><properties><property name="MicronsPerPixel" value="0.25"/><property name="UserName" value="DOE"/></properties></image>`))
}

// sziOf is the same with descriptions that may say something else.
func sziOf(t testing.TB, size pyramid.Size, tile, overlap int, descriptor, properties []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	put := func(name string, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("x/x.dzi", descriptor)
	put("x/scan-properties.xml", properties)
	dz := pyramid.DeepZoom{Size: size, Tile: tile}
	for level := range dz.Max() + 1 {
		grid := dz.Grid(level)
		for row := range grid.Rows() {
			for col := range grid.Cols() {
				var data bytes.Buffer
				r := grid.Bounds(col, row).Inset(-overlap).Intersect(grid.Size.Bounds())
				if err := png.Encode(&data, slidetest.Raster(r, dz.Max()-level, slidetest.Colour)); err != nil {
					t.Fatal(err)
				}
				put(fmt.Sprintf("x/x_files/%d/%d_%d.png", level, col, row), data.Bytes())
			}
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSZI(t *testing.T) {
	for _, overlap := range []int{0, 1, 3} {
		path := writeFile(t, "x.szi", sziFile(t, pyramid.Size{W: 150, H: 90}, 32, overlap))
		slidetest.Run(t, opener(path, slide.Options{}))
		s := opener(path, slide.Options{})(t)
		defer s.Close()
		if info := s.Info(); info.MPP.X != 0.25 || info.Vendor != "szi" {
			t.Errorf("info %+v", info)
		}
		slidetest.Tiles(s.Info(), func(level, col, row int) {
			if tile := slidetest.Read(t, s, level, col, row); !slidetest.Equal(tile, slidetest.Raster(tile.Rect, level, slidetest.Colour)) {
				t.Errorf("overlap %d: tile %d/%d_%d has other pixels", overlap, level, col, row)
			}
		})
	}
}

// The scale is found in each form that is written: as attributes, as elements, and as libvips has it.
func TestSZIScale(t *testing.T) {
	size := pyramid.Size{W: 20, H: 12}
	descriptor := []byte(`<Image Format="png" Overlap="0" TileSize="16"><Size Width="20" Height="12"/></Image>`)
	for _, text := range []string{
		`<image><property name="MicronsPerPixelX" value="0.25"/><property name="MicronsPerPixelY" value="0.25"/></image>`,
		`<image><MicronsPerPixel>0.25</MicronsPerPixel></image>`,
		"<image><properties>\n<property>\n<name>MicronsPerPixelX</name>\n<value type=\"VipsRefString\">0.25</value>\n</property>\n" +
			"<property>\n<name>MicronsPerPixelY</name>\n<value>0.25</value>\n</property>\n<property><name>ImageWidth</name><value>7</value></property></properties></image>",
	} {
		s := opener(writeFile(t, "x.szi", sziOf(t, size, 16, 0, descriptor, []byte(text))), slide.Options{})(t)
		if mpp := s.Info().MPP; mpp.X != 0.25 || mpp.Y != 0.25 {
			t.Errorf("%s: %v", text, mpp)
		}
		s.Close()
	}
}

// What libvips writes, compared with what this project reads of the slide itself.
func TestSZIOfVips(t *testing.T) {
	if _, err := exec.LookPath("vips"); err != nil {
		t.Skip("needs Debian's libvips-tools")
	}
	source := filepath.Join(dataDir(t, "slides"), "CMU-1-Small-Region.svs")
	path := filepath.Join(t.TempDir(), "x.szi")
	if out, err := exec.Command("vips", "dzsave", source, path, "--container", "szi", "--suffix", ".png", "--tile-size", "240", "--overlap", "0").CombinedOutput(); err != nil {
		t.Fatalf("vips: %v\n%s", err, out)
	}
	s, want := opener(path, slide.Options{})(t), opener(source, slide.Options{})(t)
	defer s.Close()
	defer want.Close()
	if got := s.Info().MPP; got != want.Info().MPP {
		t.Errorf("scale %v, the slide's is %v", got, want.Info().MPP)
	}
	var d difference
	for i := range 9 {
		d.add(slidetest.Read(t, s, 0, i, i).Pix, slidetest.Read(t, want, 0, i, i).Pix)
	}
	t.Logf("largest difference %d of 255", d.max)
	if d.max > maxDifference {
		t.Errorf("tiles differ by up to %d", d.max)
	}
}

// FuzzSZI: any bytes end in pixels or in an error that blames someone.
func FuzzSZI(f *testing.F) {
	f.Add(sziFile(f, pyramid.Size{W: 20, H: 12}, 16, 0))
	f.Add(sziFile(f, pyramid.Size{W: 20, H: 12}, 16, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4 || len(data) > 1<<16 || binary.LittleEndian.Uint32(data) != 0x04034B50 {
			return
		}
		s, err := slide.OpenReader(bytes.NewReader(data), int64(len(data)), slide.Options{})
		if err != nil {
			if !blames(err) {
				t.Fatal(err)
			}
			return
		}
		defer s.Close()
		var tile image.RGBA
		var at *slide.TileError
		if err := s.ReadTile(t.Context(), 0, 0, 0, &tile); err != nil && !errors.As(err, &at) {
			t.Fatal(err)
		}
	})
}
