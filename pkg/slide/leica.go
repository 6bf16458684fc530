package slide

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// plainCharset takes any 8-bit encoding as it is: what is read of descriptions is ASCII.
func plainCharset(_ string, in io.Reader) (io.Reader, error) { return in, nil }

// leicaCollection is Leica's description. Lengths and places are in nm.
type leicaCollection struct {
	Collection struct {
		SizeX  float64      `xml:"sizeX,attr"`
		SizeY  float64      `xml:"sizeY,attr"`
		Images []leicaImage `xml:"image"`
	} `xml:"collection"`
}

type leicaImage struct {
	Dimensions []leicaDimension `xml:"pixels>dimension"`
	View       struct {
		SizeX   float64 `xml:"sizeX,attr"`
		SizeY   float64 `xml:"sizeY,attr"`
		OffsetX float64 `xml:"offsetX,attr"`
		OffsetY float64 `xml:"offsetY,attr"`
	} `xml:"view"`
	Objective    float64 `xml:"scanSettings>objectiveSettings>objective"`
	Illumination string  `xml:"scanSettings>illuminationSettings>illuminationSource"`
}

// leicaDimension is one level of a scan: its size and the number of its directory.
type leicaDimension struct {
	SizeX int     `xml:"sizeX,attr"`
	SizeY int     `xml:"sizeY,attr"`
	IFD   int     `xml:"ifd,attr"`
	Z     float64 `xml:"z,attr"`
}

// openLeica opens an SCN: one or more scanned rectangles of a slide, and a macro picture of all of it.
// The slide here is the smallest rectangle that holds the scans, as QuPath crops it too; what lies
// between them was not scanned. Only brightfield is read, and of a stack of planes the one at 0.
func openLeica(c *candidate) (Slide, error) {
	const vendor = "leica-scn"
	var root leicaCollection
	if err := decodeXML(vendor, c.first.Text(tiff.TagImageDescription), &root); err != nil {
		return nil, err
	}
	var mains []leicaImage
	associated := make(map[string]plane)
	for _, im := range root.Collection.Images {
		im.keepSharp()
		switch {
		case len(im.Dimensions) == 0:
		case im.View.OffsetX == 0 && im.View.OffsetY == 0 && im.View.SizeX == root.Collection.SizeX && im.View.SizeY == root.Collection.SizeY:
			if n := im.Dimensions[0].IFD; n >= 0 && n < len(c.tiff.Directories) {
				if p, ok := readAssociated(c.tiff, c.tiff.Directories[n]); ok {
					associated["macro"] = p
				}
			}
		case im.Illumination != "" && im.Illumination != "brightfield":
			return nil, &UnsupportedError{Format: vendor, Feature: fmt.Sprintf("illumination %q; only brightfield slides are read", im.Illumination)}
		default:
			mains = append(mains, im)
		}
	}
	if len(mains) == 0 || len(mains) > maxAreas {
		return nil, &FormatError{Format: vendor, Problem: fmt.Sprintf("%d scanned rectangles in its description", len(mains))}
	}
	levels, err := leicaLevels(c, mains)
	if err != nil {
		return nil, err
	}
	view, finest := mains[0].View, mains[0].Dimensions[0]
	return newStack(c, Info{
		Vendor: vendor, Objective: believableObjective(mains[0].Objective),
		MPP: believable(pyramid.MPP{X: view.SizeX / float64(finest.SizeX) / 1000, Y: view.SizeY / float64(finest.SizeY) / 1000,
			Source: pyramid.FromFile}, pyramid.MaxMPP),
	}, levels, associated)
}

// maxAreas bounds the scanned rectangles of a slide.
const maxAreas = 256

// keepSharp drops other focal planes and puts the finest level first.
func (im *leicaImage) keepSharp() {
	im.Dimensions = slices.DeleteFunc(im.Dimensions, func(d leicaDimension) bool {
		return d.Z != 0 || d.SizeX < 1 || d.SizeY < 1 || d.SizeX > maxSide || d.SizeY > maxSide
	})
	slices.SortStableFunc(im.Dimensions, func(a, b leicaDimension) int { return b.SizeX - a.SizeX })
}

// leicaLevels joins the same level of every scan.
func leicaLevels(c *candidate, mains []leicaImage) ([]plane, error) {
	n := len(mains[0].Dimensions)
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, m := range mains {
		if len(m.Dimensions) != n {
			return nil, &UnsupportedError{Format: "leica-scn", Feature: "scans with different numbers of levels"}
		}
		x0, y0 = min(x0, m.View.OffsetX), min(y0, m.View.OffsetY)
		x1, y1 = max(x1, m.View.OffsetX+m.View.SizeX), max(y1, m.View.OffsetY+m.View.SizeY)
	}
	var levels []plane
	for i := range n {
		var areas []area
		nmX, nmY := mains[0].View.SizeX/float64(mains[0].Dimensions[i].SizeX), mains[0].View.SizeY/float64(mains[0].Dimensions[i].SizeY)
		if !(nmX > 0) || !(nmY > 0) {
			return nil, &FormatError{Format: "leica-scn", Problem: "a scan of no size in its description"}
		}
		for _, m := range mains {
			if r := m.View.SizeX / float64(m.Dimensions[i].SizeX) / nmX; r < 0.999 || r > 1.001 {
				return nil, &UnsupportedError{Format: "leica-scn", Feature: "scans at different resolutions in one slide"}
			}
			p, err := leicaPlane(c, m.Dimensions[i].IFD)
			if err != nil {
				return nil, err
			}
			l := p.layout()
			areas = append(areas, area{p, (m.View.OffsetX - x0) / nmX, (m.View.OffsetY - y0) / nmY, float64(l.tile.W), float64(l.tile.H)})
		}
		if len(areas) == 1 {
			levels = append(levels, areas[0].plane)
			continue
		}
		w, h := (x1-x0)/nmX, (y1-y0)/nmY
		if !(w >= 1 && w <= maxSide && h >= 1 && h <= maxSide) {
			return nil, &FormatError{Format: "leica-scn", Problem: fmt.Sprintf("scans that span %g by %g pixels", w, h)}
		}
		levels = append(levels, newMosaic(pyramid.Size{W: int(math.Round(w)), H: int(math.Round(h))}, areas))
	}
	return levels, nil
}

func leicaPlane(c *candidate, ifd int) (plane, error) {
	if ifd < 0 || ifd >= len(c.tiff.Directories) {
		return nil, &FormatError{Format: "leica-scn", Problem: fmt.Sprintf("its description names directory %d of %d", ifd, len(c.tiff.Directories))}
	}
	im, err := c.tiff.Image(c.tiff.Directories[ifd])
	if err != nil {
		return nil, fmt.Errorf("directory %d: %w", ifd, err)
	}
	return tiffPlane{im}, im.CheckExtent()
}
