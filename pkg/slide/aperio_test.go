package slide_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// aperioText is a description as scanners write it, with made-up people in it.
const aperioText = "Aperio Image Library v11.2.1 \r\n46x33 [0,0 40x30] (16x16) JPEG/RGB Q=30|AppMag = 20|StripeWidth = 2040|" +
	"ScanScope ID = CPAPERIOCS|Filename = DOE^JANE|Date = 12/29/09|User = nightshift|MPP = 0.4990|OriginalWidth = 46|OriginalWidth = 40|Title = DOE"

// aperioImage is one directory of a made-up SVS.
type aperioImage struct {
	size    pyramid.Size
	subtype uint64 // 0 leaves the tag out
	text    string
	tiled   bool
}

// build lays out an SVS of uncompressed RGB, with all directories at the end.
func buildAperio(images ...aperioImage) []byte {
	b := slidetest.NewBuilder(binary.LittleEndian, false)
	for i, im := range images {
		fields := []slidetest.Field{
			slidetest.Long(256, uint64(im.size.W)), slidetest.Long(257, uint64(im.size.H)), slidetest.Short(258, 8, 8, 8),
			slidetest.Short(259, 1), slidetest.Short(262, 2), slidetest.Short(277, 3),
		}
		if im.text != "" {
			fields = append(fields, slidetest.Text(270, im.text))
		}
		if im.subtype != 0 {
			fields = append(fields, slidetest.Long(254, im.subtype))
		}
		b.Directory(append(fields, aperioPixels(b, im, i)...)...)
	}
	return b.Bytes()
}

func aperioPixels(b *slidetest.Builder, im aperioImage, number int) []slidetest.Field {
	if !im.tiled {
		raw := slidetest.RGB(slidetest.Raster(im.size.Bounds(), number, slidetest.Colour))
		return []slidetest.Field{slidetest.Long(273, b.Append(raw)), slidetest.Long(278, uint64(im.size.H)), slidetest.Long(279, uint64(len(raw)))}
	}
	var offsets, counts []uint64
	grid := pyramid.Grid{Size: im.size, Tile: 16}
	for row := range grid.Rows() {
		for col := range grid.Cols() {
			r := image.Rect(0, 0, 16, 16).Add(image.Pt(16*col, 16*row))
			raw := slidetest.RGB(slidetest.Raster(r, number, slidetest.Colour))
			offsets, counts = append(offsets, b.Append(raw)), append(counts, uint64(len(raw)))
		}
	}
	return []slidetest.Field{slidetest.Short(322, 16), slidetest.Short(323, 16), slidetest.Long(324, offsets...), slidetest.Long(325, counts...)}
}

// aperioImages are baseline, thumbnail, a reduced level without the reduced bit, label and macro.
func aperioImages(text string) []aperioImage {
	return []aperioImage{
		{pyramid.Size{W: 40, H: 30}, 0, text, true},
		{pyramid.Size{W: 12, H: 9}, 0, text, false},
		{pyramid.Size{W: 10, H: 7}, 0, text, true},
		{pyramid.Size{W: 5, H: 6}, 1, "Aperio Image Library v11.2.1 \r\nlabel 5x6", false},
		{pyramid.Size{W: 20, H: 8}, 9, "Aperio Image Library v11.2.1 \r\nmacro 20x8", false},
	}
}

func aperioFile(t testing.TB, text string) string {
	return writeFile(t, "made-up.svs", buildAperio(aperioImages(text)...))
}

func TestAperio(t *testing.T) {
	s := opener(aperioFile(t, aperioText), slide.Options{})(t)
	defer s.Close()
	want := slide.Info{
		Vendor: "aperio", Objective: 20, MPP: pyramid.MPP{X: 0.499, Y: 0.499, Source: pyramid.FromFile},
		Associated: []string{"label", "macro", "thumbnail"},
		Levels: []slide.Level{
			{Size: pyramid.Size{W: 40, H: 30}, TileSize: pyramid.Size{W: 16, H: 16}, Downsample: 1, Codec: "none"},
			{Size: pyramid.Size{W: 10, H: 7}, TileSize: pyramid.Size{W: 16, H: 16}, Downsample: float64(29) / 7, Codec: "none"},
		},
	}
	if diff := cmp.Diff(want, s.Info(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	if err := s.Info().CheckScale(); err != nil {
		t.Error(err)
	}
	for name, number := range map[string]int{"thumbnail": 1, "label": 3, "macro": 4} {
		im, err := s.Associated(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := im.(*image.RGBA); !slidetest.Equal(got, slidetest.Raster(got.Rect, number, slidetest.Colour)) {
			t.Errorf("%s has the pixels of another image", name)
		}
	}
}

// The ways that scanners name their associated images.
func TestAperioAssociated(t *testing.T) {
	both := []string{"label", "macro", "thumbnail"}
	for name, c := range map[string]struct {
		change func([]aperioImage) []aperioImage
		want   []string
	}{
		"old files: text only": {func(im []aperioImage) []aperioImage {
			im[3].subtype, im[4].subtype = 0, 0
			return im
		}, both},
		"GT450: subtype only": {func(im []aperioImage) []aperioImage {
			im[3].text, im[4].text = "", ""
			return im
		}, both},
		"neither: by place": {func(im []aperioImage) []aperioImage {
			im[3].subtype, im[4].subtype, im[3].text, im[4].text = 0, 0, "", ""
			return im
		}, both},
		"subtype wins over text": {func(im []aperioImage) []aperioImage {
			im[3].text, im[4].text = im[4].text, im[3].text
			return im
		}, both},
		"no label":              {func(im []aperioImage) []aperioImage { return slices.Delete(im, 3, 4) }, []string{"macro", "thumbnail"}},
		"nothing but the slide": {func(im []aperioImage) []aperioImage { return im[:1] }, []string{}},
		"thumbnail without text": {func(im []aperioImage) []aperioImage {
			im[1].text = ""
			return im
		}, both},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, "x.svs", buildAperio(c.change(aperioImages(aperioText))...))
			s := opener(path, slide.Options{})(t)
			defer s.Close()
			if diff := cmp.Diff(c.want, s.Info().Associated); diff != "" {
				t.Errorf("associated (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAperioScale(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		mpp      float64
		refused  string
	}{
		"as it is":              {"", "", 0.499, ""},
		"decimal comma":         {"MPP = 0.4990", "MPP = 0,4990", 0.499, ""},
		"the last of two":       {"MPP = 0.4990", "MPP = 0.1|MPP = 0.5", 0.5, ""},
		"absent":                {"MPP = 0.4990", "XPP = 1", 0, "--mpp"},
		"no number":             {"MPP = 0.4990", "MPP = unknown", 0, "--mpp"},
		"NaN":                   {"MPP = 0.4990", "MPP = NaN", 0, "--mpp"},
		"of a photograph":       {"MPP = 0.4990", "MPP = 499", 0, "--mpp"},
		"negative":              {"MPP = 0.4990", "MPP = -0.5", 0, "--mpp"},
		"of another objective":  {"MPP = 0.4990", "MPP = 0.25", 0.25, "contradicts itself"},
		"objective of another":  {"AppMag = 20", "AppMag = 40", 0.499, "contradicts itself"},
		"objective is nonsense": {"AppMag = 20", "AppMag = 1e300", 0.499, ""},
		"GT450":                 {"AppMag = 20", "AppMag = 40|MPP = 0.2624", 0.499, "contradicts"}, // the later MPP of the text still wins
	} {
		t.Run(name, func(t *testing.T) {
			s := opener(aperioFile(t, strings.Replace(aperioText, c.old, c.new, 1)), slide.Options{})(t)
			defer s.Close()
			info := s.Info()
			if info.MPP.X != c.mpp {
				t.Errorf("scale %v, want %g", info.MPP, c.mpp)
			}
			err := info.CheckScale()
			if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("check: %v, want %q", err, c.refused)
			}
		})
	}
}

// What the header says of people and places must not come out of the reader.
func TestAperioInfoNamesNobody(t *testing.T) {
	s := opener(aperioFile(t, aperioText), slide.Options{})(t)
	defer s.Close()
	if out := []byte(cmp.Diff(slide.Info{}, s.Info())); bytes.Contains(out, []byte("DOE")) || bytes.Contains(out, []byte("nightshift")) {
		t.Errorf("info holds a name:\n%s", out)
	}
}
