package slide

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

const tagXMP = 700

// ventanaEncode is the description of the finest level: how neighbouring tiles overlap.
type ventanaEncode struct {
	Images []struct {
		Scanned int            `xml:"AOIScanned,attr"`
		Joints  []ventanaJoint `xml:"TileJointInfo"`
	} `xml:"SlideStitchInfo>ImageInfo"`
}

type ventanaJoint struct {
	Joined     int     `xml:"FlagJoined,attr"`
	Confidence float64 `xml:"Confidence,attr"`
	Direction  string  `xml:"Direction,attr"`
	OverlapX   float64 `xml:"OverlapX,attr"`
	OverlapY   float64 `xml:"OverlapY,attr"`
}

// openVentana opens a BIF. Where its tiles do not overlap, it is a plain pyramid and exact. Where they
// do, they are laid at their mean distance, weighted by the scanner's confidence, as OpenSlide does:
// seams are off by the camera's jitter, a few pixels, and only the finest level is read, because the
// others repeat the overlaps.
func openVentana(c *candidate) (Slide, error) {
	const vendor = "ventana"
	info := Info{Vendor: vendor}
	ventanaScan(string(c.first.Bytes(tagXMP)), &info)
	var images []*tiff.Image
	var finest *tiff.Directory
	associated := make(map[string]plane)
	for i, d := range c.tiff.Directories {
		text := d.Text(tiff.TagImageDescription)
		switch {
		case strings.HasPrefix(text, "level="):
			im, err := c.tiff.Image(d)
			if err != nil {
				return nil, fmt.Errorf("directory %d: %w", i, err)
			}
			if err := im.CheckExtent(); err != nil {
				return nil, fmt.Errorf("directory %d: %w", i, err)
			}
			if len(images) == 0 || im.Size.W > images[0].Size.W {
				finest = d
			}
			images = append(images, im)
			sortLevels(images)
		case text == "Label Image" || text == "Label_Image":
			if p, ok := readAssociated(c.tiff, d); ok {
				associated["macro"] = p
			}
		case text == "Thumbnail":
			if p, ok := readAssociated(c.tiff, d); ok {
				associated["thumbnail"] = p
			}
		}
	}
	if len(images) == 0 {
		return nil, &FormatError{Format: vendor, Problem: "no level"}
	}
	levels, err := ventanaLevels(images, string(finest.Bytes(tagXMP)))
	if err != nil {
		return nil, err
	}
	return newStack(c, info, levels, associated)
}

// ventanaScan reads scale and objective from the iScan element.
func ventanaScan(text string, info *Info) {
	dec := xml.NewDecoder(strings.NewReader(text[:min(len(text), maxXML)]))
	dec.Strict, dec.CharsetReader = false, plainCharset
	for {
		token, err := dec.RawToken()
		if err != nil {
			return
		}
		e, ok := token.(xml.StartElement)
		if !ok || e.Name.Local != "iScan" {
			continue
		}
		for _, a := range e.Attr {
			v, err := strconv.ParseFloat(a.Value, 64)
			switch {
			case err != nil:
			case a.Name.Local == "ScanRes":
				info.MPP = believable(pyramid.MPP{X: v, Y: v, Source: pyramid.FromFile}, pyramid.MaxMPP)
			case a.Name.Local == "Magnification":
				info.Objective = believableObjective(v)
			}
		}
		return
	}
}

// ventanaLevels lays the tiles out.
func ventanaLevels(images []*tiff.Image, text string) (levels []plane, err error) {
	var encode ventanaEncode
	if strings.Contains(text, "TileJointInfo") {
		if err := decodeXML("ventana", strings.TrimRight(text, "\x00"), &encode); err != nil {
			return nil, err
		}
	}
	overlapX, overlapY := encode.overlaps()
	if overlapX == 0 && overlapY == 0 {
		for _, im := range images {
			levels = append(levels, tiffPlane{im})
		}
		return levels, nil
	}
	p := tiffPlane{images[0]}
	l := p.layout()
	stepX, stepY := float64(l.tile.W)-overlapX, float64(l.tile.H)-overlapY
	if !(stepX >= float64(l.tile.W)/2 && stepY >= float64(l.tile.H)/2 && stepX <= 2*float64(l.tile.W) && stepY <= 2*float64(l.tile.H)) { // nor NaN
		return nil, &FormatError{Format: "ventana", Problem: fmt.Sprintf("tiles of %s overlap by %g and %g pixels", l.tile, overlapX, overlapY)}
	}
	size := pyramid.Size{
		W: int(math.Round(stepX*float64(p.Cols()-1))) + l.tile.W,
		H: int(math.Round(stepY*float64(p.Rows()-1))) + l.tile.H,
	}
	return []plane{newMosaic(size, []area{{plane: p, stepX: stepX, stepY: stepY}})}, nil
}

// overlaps are the mean overlaps of joined tiles, weighted by confidence.
func (e ventanaEncode) overlaps() (x, y float64) {
	var sumX, weightX, sumY, weightY float64
	for _, im := range e.Images {
		if im.Scanned == 0 {
			continue
		}
		for _, j := range im.Joints {
			switch {
			case j.Joined == 0 || !(j.Confidence > 0):
			case j.Direction == "RIGHT" || j.Direction == "LEFT":
				sumX, weightX = sumX+j.Confidence*j.OverlapX, weightX+j.Confidence
			case j.Direction == "UP" || j.Direction == "DOWN":
				sumY, weightY = sumY+j.Confidence*j.OverlapY, weightY+j.Confidence
			}
		}
	}
	return mean(sumX, weightX), mean(sumY, weightY)
}

func mean(sum, weight float64) float64 {
	if weight == 0 {
		return 0
	}
	return sum / weight
}
