package slide

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// maxXML bounds a description that is parsed as XML. Philips keeps label and macro in it, a few megabytes.
const maxXML = 32 << 20

// decodeXML reads a vendor's description.
func decodeXML(format, text string, v any) error {
	if len(text) > maxXML {
		return &UnsupportedError{Format: format, Feature: fmt.Sprintf("a description of %d bytes", len(text))}
	}
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.Strict = false
	dec.CharsetReader = plainCharset
	if err := dec.Decode(v); err != nil {
		return &FormatError{Format: format, Problem: "its description is no XML: " + err.Error()}
	}
	return nil
}

// philipsObject is a node of Philips's description, a tree of named attributes.
type philipsObject struct {
	Type       string `xml:"ObjectType,attr"`
	Attributes []struct {
		Name    string          `xml:"Name,attr"`
		Text    string          `xml:",chardata"`
		Objects []philipsObject `xml:"Array>DataObject"`
	} `xml:"Attribute"`
}

func (o philipsObject) text(name string) string {
	for _, a := range o.Attributes {
		if a.Name == name {
			return strings.TrimSpace(a.Text)
		}
	}
	return ""
}

func (o philipsObject) objects(name string) []philipsObject {
	for _, a := range o.Attributes {
		if a.Name == name {
			return a.Objects
		}
	}
	return nil
}

// spacing is DICOM_PIXEL_SPACING in µm: two quoted numbers in mm, the distance of rows first.
func (o philipsObject) spacing() (m pyramid.MPP) {
	row, column, _ := strings.Cut(strings.ReplaceAll(o.text("DICOM_PIXEL_SPACING"), `"`, ""), " ")
	y, errY := strconv.ParseFloat(strings.TrimSpace(row), 64)
	x, errX := strconv.ParseFloat(strings.TrimSpace(column), 64)
	if errX != nil || errY != nil {
		return m
	}
	return believable(pyramid.MPP{X: 1000 * x, Y: 1000 * y, Source: pyramid.FromFile}, pyramid.MaxMPP)
}

// isPhilips recognises the software tag and the root of the description.
func isPhilips(c *candidate) bool {
	return softwareIs("Philips")(c) && describes("DPUfsImport")(c)
}

// openPhilips opens a Philips TIFF. Its levels are padded to whole tiles, each by another amount; what is
// beyond the finest level's share of them is cut off here. Tiles of no bytes are glass that was skipped.
func openPhilips(c *candidate) (Slide, error) {
	const vendor = "philips-tiff"
	var root philipsObject
	if err := decodeXML(vendor, c.first.Text(tiff.TagImageDescription), &root); err != nil {
		return nil, err
	}
	var images []*tiff.Image
	associated := make(map[string]plane)
	for i, d := range c.tiff.Directories {
		if !d.Has(tagTileWidth) {
			name := strings.ToLower(firstWord(d.Text(tiff.TagImageDescription)))
			if p, ok := readAssociated(c.tiff, d); ok && (name == "label" || name == "macro") {
				associated[name] = p
			}
			continue
		}
		if i > 0 && d.Uint(tiff.TagNewSubfileType, 0)&subfileReduced == 0 {
			continue
		}
		im, err := c.tiff.Image(d)
		if err != nil {
			return nil, fmt.Errorf("directory %d: %w", i, err)
		}
		images = append(images, im)
	}
	if len(images) == 0 {
		return nil, &FormatError{Format: vendor, Problem: "no tiled level"}
	}
	info := Info{Vendor: vendor}
	spacings := philipsImages(root, &info, associated)
	levels, err := philipsLevels(images, spacings)
	if err != nil {
		return nil, err
	}
	return newStack(c, info, levels, associated)
}

// philipsLevels crops the padding off.
func philipsLevels(images []*tiff.Image, spacings []pyramid.MPP) ([]plane, error) {
	sortLevels(images)
	full := images[0].Size
	var levels []plane
	for i, im := range images {
		if err := im.CheckExtent(); err != nil {
			return nil, fmt.Errorf("level %d: %w", i, err)
		}
		factor := math.Round(float64(full.W) / float64(im.Size.W)) // wrong where the padding is much of it
		if i < len(spacings) && spacings[i].Known() && spacings[0].Known() {
			factor = math.Round(spacings[i].X / spacings[0].X)
		}
		if factor < 1 || factor > maxSide {
			return nil, &FormatError{Format: "philips-tiff", Problem: fmt.Sprintf("level %d is %g times smaller than level 0", i, factor)}
		}
		size := pyramid.Size{W: max(1, full.W/int(factor)), H: max(1, full.H/int(factor))}
		size.W, size.H = min(size.W, im.Size.W), min(size.H, im.Size.H)
		if size == im.Size {
			levels = append(levels, tiffPlane{im})
		} else {
			levels = append(levels, cropped{tiffPlane{im}, size})
		}
	}
	return levels, nil
}

// philipsImages reads the scale of each level and the associated images that are kept as text.
func philipsImages(root philipsObject, info *Info, associated map[string]plane) (spacings []pyramid.MPP) {
	info.MPP = root.spacing()
	for _, im := range root.objects("PIM_DP_SCANNED_IMAGES") {
		switch im.text("PIM_DP_IMAGE_TYPE") {
		case "WSI":
			if m := im.spacing(); m.Known() {
				info.MPP = m
			}
			for _, level := range im.objects("PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE") {
				spacings = append(spacings, level.spacing())
			}
		case "LABELIMAGE":
			keepPicture(associated, "label", im.text("PIM_DP_IMAGE_DATA"))
		case "MACROIMAGE":
			keepPicture(associated, "macro", im.text("PIM_DP_IMAGE_DATA"))
		}
	}
	if len(spacings) > 0 && spacings[0].Known() {
		info.MPP = spacings[0]
	}
	return spacings
}

// keepPicture adds a JPEG in Base64, unless the directories had that image already.
func keepPicture(associated map[string]plane, name, text string) {
	if associated[name] != nil || text == "" {
		return
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return
	}
	if p, err := newPicturePlane(data); err == nil {
		associated[name] = p
	}
}

// picturePlane is a small JPEG in memory.
type picturePlane struct {
	data []byte
	size pyramid.Size
}

func newPicturePlane(data []byte) (plane, error) {
	size, err := codec.JPEGSize(data)
	if err != nil {
		return nil, err
	}
	if int64(size.X)*int64(size.Y) > maxAssociated {
		return nil, &UnsupportedError{Format: "jpeg", Feature: fmt.Sprintf("an associated image of %v pixels", size)}
	}
	return &picturePlane{data, pyramid.Size{W: size.X, H: size.Y}}, nil
}

func (p *picturePlane) layout() layout { return layout{p.size, p.size, "jpeg"} }

func (p *picturePlane) read(_ context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.layout().bounds(col, row)
	if err != nil {
		return err
	}
	reshape(dst, r)
	return codec.DecodeJPEG(dst, p.data, maxAssociated)
}

func (p *picturePlane) raw(context.Context, int, int, []byte) ([]byte, error) {
	return bytes.Clone(p.data), nil
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}
