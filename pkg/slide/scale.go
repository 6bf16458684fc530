package slide

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// maxTagMPP is the coarsest scale that is believed from TIFF's resolution tags: a 1× objective. What
// software writes there for want of knowledge is coarser: 72, 96, 300 and 600 dpi are 353, 265, 85 and
// 42 µm/px, and libvips's 1 px/mm is 1000 µm/px.
const maxTagMPP = 10

// resolutionScale is the scale in XResolution and YResolution, or unknown where they are absent, have
// no unit of length or say what no microscope does.
func resolutionScale(d *tiff.Directory) pyramid.MPP {
	const inch, centimetre = 2, 3
	var microns float64
	switch d.Uint(tiff.TagResolutionUnit, inch) {
	case inch:
		microns = 25400
	case centimetre:
		microns = 10000
	default:
		return pyramid.MPP{}
	}
	x, okX := d.Rational(tiff.TagXResolution)
	y, okY := d.Rational(tiff.TagYResolution)
	if !okX || !okY || x <= 0 || y <= 0 {
		return pyramid.MPP{}
	}
	return believable(pyramid.MPP{X: microns / x, Y: microns / y, Source: pyramid.FromFile}, maxTagMPP)
}

// believable is m, or unknown if it is impossible or coarser than limit.
func believable(m pyramid.MPP, limit float64) pyramid.MPP {
	if m.Validate() != nil || m.X > limit || m.Y > limit {
		return pyramid.MPP{}
	}
	return m
}

// omeScale is the scale in OME-XML: PhysicalSizeX and PhysicalSizeY of the first Pixels element.
func omeScale(description string) (pyramid.MPP, bool) {
	if !strings.Contains(description, "<OME") {
		return pyramid.MPP{}, false
	}
	dec := xml.NewDecoder(strings.NewReader(description))
	for {
		token, err := dec.RawToken()
		if err != nil {
			return pyramid.MPP{}, false
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "Pixels" {
			m := believable(pyramid.MPP{
				X: omeLength(e, "PhysicalSizeX"), Y: omeLength(e, "PhysicalSizeY"), Source: pyramid.FromFile,
			}, pyramid.MaxMPP)
			return m, m.Known()
		}
	}
}

// omeLength is an attribute in microns, the unit that OME means where none is given; 0 if absent.
func omeLength(e xml.StartElement, name string) float64 {
	value, factor := 0.0, 1.0
	for _, a := range e.Attr {
		switch a.Name.Local {
		case name:
			value, _ = strconv.ParseFloat(a.Value, 64)
		case name + "Unit":
			factor = map[string]float64{"µm": 1, "μm": 1, "um": 1, "nm": 1e-3, "mm": 1e3, "cm": 1e4}[a.Value]
		}
	}
	return value * factor
}

// CheckScale refuses a slide whose scale is unknown, impossible, or contradicts its objective, and
// says how to go on. What the operator stated is not compared with the objective: that is how a wrong
// header is overruled.
func (i Info) CheckScale() error {
	if !i.MPP.Known() {
		return fmt.Errorf("%w: the file does not say; state it with --mpp (0.25 for a typical 40× scan, 0.5 for 20×)", pyramid.ErrNoScale)
	}
	if err := i.MPP.Validate(); err != nil {
		return err
	}
	if i.Objective > 0 && i.MPP.Source == pyramid.FromFile {
		if r := i.MPP.Mean() * i.Objective / micronsAtOne; r < 1/maxDisagreement || r > maxDisagreement {
			return fmt.Errorf("the file contradicts itself: objective %g× and %.4g µm/px; find out which is true and state the scale with --mpp", i.Objective, i.MPP.Mean())
		}
	}
	return nil
}

// Scanners' pixels are about 10 µm at 1×: 0.5 at 20×, 0.25 at 40×. Real ones lie within 10 % (AT2 0.505
// at 20×, GT450 0.2624 at 40×); a header with the neighbouring objective is off by a factor of two.
const (
	micronsAtOne    = 10
	maxDisagreement = 1.6
)

func (i Info) clone() Info {
	i.Levels = append([]Level(nil), i.Levels...)
	i.Associated = append([]string{}, i.Associated...)
	if i.Colour != nil {
		c := *i.Colour
		i.Colour = &c
	}
	return i
}
