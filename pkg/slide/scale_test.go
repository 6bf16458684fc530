package slide_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// What resolution tags are believed to say.
func TestResolutionScale(t *testing.T) {
	const none, inch, centimetre = 1, 2, 3
	for name, c := range map[string]struct {
		x, y, unit float64
		want       float64
	}{
		"40x per centimetre":      {40000, 40000, centimetre, 0.25},
		"20x per inch":            {50800, 50800, inch, 0.5},
		"no unit":                 {40000, 40000, none, 0},
		"libvips default":         {10, 10, centimetre, 0},
		"72 dpi":                  {72, 72, inch, 0},
		"300 dpi":                 {300, 300, inch, 0},
		"600 dpi":                 {600, 600, inch, 0},
		"zero":                    {0, 0, centimetre, 0},
		"one axis only":           {40000, 0, centimetre, 0},
		"axes that differ by two": {40000, 20000, centimetre, 0},
		"beyond light":            {4e6, 4e6, centimetre, 0},
	} {
		b := slidetest.NewBuilder(binary.LittleEndian, false)
		b.Directory(slidetest.Rational(282, c.x), slidetest.Rational(283, c.y), slidetest.Short(296, uint64(c.unit)))
		f, err := tiff.Parse(bytes.NewReader(b.Bytes()), int64(len(b.Bytes())))
		if err != nil {
			t.Fatal(err)
		}
		got := slide.ResolutionScale(f.Directories[0])
		if math.Abs(got.X-c.want) > 1e-9 || got.Known() && got.Source != pyramid.FromFile {
			t.Errorf("%s: %v, want %g", name, got, c.want)
		}
	}
}

func TestOMEScale(t *testing.T) {
	for text, want := range map[string]float64{
		`<?xml version="1.0"?><OME xmlns="x"><Image><Pixels PhysicalSizeX="0.25" PhysicalSizeY="0.25" SizeX="1"/></Image></OME>`:                  0.25,
		`<OME><Image><Pixels PhysicalSizeX="250" PhysicalSizeXUnit="nm" PhysicalSizeY="0.00025" PhysicalSizeYUnit="mm"/></Image></OME>`:           0.25,
		`<OME><Image><Pixels PhysicalSizeX="0.5" PhysicalSizeY="0.5"/></Image><Image><Pixels PhysicalSizeX="9" PhysicalSizeY="9"/></Image></OME>`: 0.5,
		`<OME><Image><Pixels PhysicalSizeX="0.25"/></Image></OME>`:                                                                                0,
		`<OME><Image><Pixels PhysicalSizeX="1" PhysicalSizeXUnit="pixel" PhysicalSizeY="1" PhysicalSizeYUnit="pixel"/></Image></OME>`:             0,
		`<OME><Image><Pixels PhysicalSizeX="`: 0,
		`<OME`:                                0,
		`nothing`:                             0,
	} {
		got, ok := slide.OMEScale(text)
		if math.Abs(got.X-want) > 1e-9 || ok != (want > 0) {
			t.Errorf("%s: %v, want %g", text, got, want)
		}
	}
}

// FuzzAperioDescription: any text gives a scale that a microscope can have, or none.
func FuzzAperioDescription(f *testing.F) {
	f.Add("Aperio Image Library v11.2.1 \r\n46000x32914 [0,0 46000x32914] (256x256) JPEG/RGB Q=30|AppMag = 20|MPP = 0.4990")
	f.Add("Aperio|MPP=0,25|MPP|AppMag==|=|")
	f.Fuzz(func(t *testing.T, text string) {
		mpp, objective := slide.ParseAperio(text)
		if mpp.Known() && mpp.Validate() != nil {
			t.Fatalf("scale %v", mpp)
		}
		if objective != 0 && (objective < 1 || objective > slide.MaxObjective) {
			t.Fatalf("objective %g", objective)
		}
	})
}

// FuzzOME: no text panics, and a scale is one that can be.
func FuzzOME(f *testing.F) {
	f.Add(`<OME><Image><Pixels PhysicalSizeX="250" PhysicalSizeXUnit="nm" PhysicalSizeY="250" PhysicalSizeYUnit="nm"/></Image></OME>`)
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := slide.OMEScale(text); ok && m.Validate() != nil {
			t.Fatalf("scale %v", m)
		}
	})
}
