package store

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

const (
	slideText = "00112233445566778899aabb"
	runText   = "0011223344556677"
)

// TestLayout pins every key: scripts outside the project rely on them.
func TestLayout(t *testing.T) {
	id, err := pyramid.ParseSlideID(slideText)
	if err != nil {
		t.Fatal(err)
	}
	runID, err := pyramid.ParseRunID(runText)
	if err != nil {
		t.Fatal(err)
	}
	slide, run := Slide(id), Slide(id).Run(runID)
	tile, region := pyramid.Tile{Level: 9, Col: 3, Row: 4}, pyramid.Region{Col: 12, Row: 7}
	at := "slides/" + slideText + "/"
	in := at + "runs/" + runText + "/"

	pinned := map[string]string{
		slide.Manifest():          at + "slide.json",
		slide.PyramidDZI():        at + "pyramid.dzi",
		slide.PyramidTile(tile):   at + "pyramid_files/9/3_4.jpeg",
		slide.PyramidArchive():    at + "pyramid.szi",
		slide.PyramidHead():       at + "pyramid-head.szi",
		slide.Thumbnail():         at + "thumbnail.jpeg",
		slide.Tissue():            at + "tissue.png",
		run.Plan():                in + "plan.json",
		run.Region(region):        in + "regions/12_7.smr",
		run.Quarantine(region):    in + "quarantine/12_7.json",
		run.ProbabilityDZI():      in + "probability.dzi",
		run.ProbabilityTile(tile): in + "probability_files/9/3_4.png",
		run.ProbabilityArchive():  in + "probability.szi",
		run.OverlayDZI():          in + "overlay.dzi",
		run.OverlayTile(tile):     in + "overlay_files/9/3_4.png",
		run.OverlayArchive():      in + "overlay.szi",
		run.Mask():                in + "mask.tiff",
		run.Contours():            in + "contours.geojson",
		run.Preview():             in + "preview.png",
		run.Report():              in + "report.json",
		run.ReportHTML():          in + "report.html",
		run.Manifest():            in + "run.json",
	}
	if len(pinned) != len(shapes) {
		t.Errorf("%d keys pinned, %d kinds exist", len(pinned), len(shapes))
	}
	for got, want := range pinned {
		if got != want {
			t.Errorf("key %s, want %s", got, want)
		}
		if _, err := Parse(got); err != nil {
			t.Error(err)
		}
	}
	for _, prefix := range []string{Slides(), slide.Prefix(), slide.Runs(), run.Prefix(), run.Regions()} {
		if key := run.Region(region); !strings.HasPrefix(key, prefix) {
			t.Errorf("%s does not begin with %s", key, prefix)
		}
	}
}

// TestParseRefuses holds one key per kind of damage.
func TestParseRefuses(t *testing.T) {
	at := "slides/" + slideText + "/"
	in := at + "runs/" + runText + "/"
	for name, key := range map[string]string{
		"empty":                   "",
		"foreign":                 "lost+found/x",
		"only the slide":          at,
		"short id":                "slides/0011/slide.json",
		"upper-case id":           strings.ToUpper(slideText[18:]) + at,
		"unknown file":            at + "patient.txt",
		"run's file in slide":     at + "plan.json",
		"slide's file in run":     in + "slide.json",
		"folder without cell":     in + "regions",
		"leading zero":            in + "regions/01_2.smr",
		"negative":                in + "regions/-1_2.smr",
		"sign":                    in + "regions/+1_2.smr",
		"overflow":                in + "regions/1_99999999999.smr",
		"wrong extension":         in + "regions/1_2.png",
		"no extension":            in + "regions/1_2",
		"third number":            in + "regions/1_2_3.smr",
		"something after a file":  at + "slide.json/x",
		"double slash":            at + "/slide.json",
		"traversal":               at + "../slide.json",
		"temporary file of a put": at + "slide.json.tmp",
		"tile without level":      at + "pyramid_files/3_4.jpeg",
		"run's archive in slide":  at + "overlay.szi",
		"slide's archive in run":  in + "pyramid.szi",
		"something in an archive": in + "probability.szi/9/3_4.png",
	} {
		t.Run(name, func(t *testing.T) {
			if ref, err := Parse(key); err == nil {
				t.Errorf("%q was read as %+v", key, ref)
			}
		})
	}
}

func drawRef(t *rapid.T) Ref {
	kinds := slices.Sorted(maps.Keys(shapes))
	number := rapid.IntRange(0, 1<<31-1)
	ref := Ref{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	copy(ref.Slide[:], rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "slide"))
	s := shapes[ref.Kind]
	if s.inRun {
		copy(ref.Run[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "run"))
	}
	if s.tile {
		ref.Tile = pyramid.Tile{Level: number.Draw(t, "level"), Col: number.Draw(t, "col"), Row: number.Draw(t, "row")}
	}
	if s.region {
		ref.Region = pyramid.Region{Col: number.Draw(t, "col"), Row: number.Draw(t, "row")}
	}
	return ref
}

// TestParseInvertsKey: build and parse are inverse for any identity and number.
func TestParseInvertsKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRef(t)
		got, err := Parse(want.Key())
		if err != nil || got != want {
			t.Fatalf("%s: %+v, %v", want.Key(), got, err)
		}
	})
}

// FuzzParse: whatever parses, spells itself again; nothing panics.
func FuzzParse(f *testing.F) {
	f.Add("slides/" + slideText + "/slide.json")
	f.Add("slides/" + slideText + "/pyramid_files/9/3_4.jpeg")
	f.Add("slides/" + slideText + "/runs/" + runText + "/regions/12_7.smr")
	f.Add("slides/" + slideText + "/runs/" + runText + "/overlay_files/9/3_4.png")
	f.Add("slides/" + slideText + "/runs/" + runText + "/overlay.szi")
	f.Add("slides/" + slideText + "/runs/" + runText + "/probability.szi")
	f.Fuzz(func(t *testing.T, key string) {
		ref, err := Parse(key)
		if err == nil && ref.Key() != key {
			t.Fatalf("%q was read as %+v, which is %q", key, ref, ref.Key())
		}
	})
}
