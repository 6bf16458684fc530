package segment

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// TissueCell is the side of a tissue map's cell in model pixels. The map gates the probability per
// cell, so the cell must divide every region side for the result not to depend on it.
const TissueCell = 16

// TissueClass says what a cell of the tissue map shows.
type TissueClass uint8

const (
	Glass      TissueClass = iota // nothing to analyse
	Tissue                        // analysed
	Pen                           // ink: excluded, drawn as such
	Unscanned                     // the scanner has no pixels here
	Unreadable                    // the file has pixels that cannot be decoded
	Bubble                        // an air bubble under the coverslip: excluded
	Blurred                       // so far out of focus that no nucleus is left: excluded
	tissueClasses
)

func (c TissueClass) String() string {
	if c >= tissueClasses {
		return fmt.Sprintf("class %d", uint8(c))
	}
	return [...]string{"glass", "tissue", "pen", "unscanned", "unreadable", "bubble", "blurred"}[c]
}

// TissueMap classifies the canvas in cells of TissueCell × TissueCell model pixels.
type TissueMap struct {
	Cells pyramid.Size
	Class []TissueClass // row-major
}

// NewTissueMap is a map of glass for a canvas.
func NewTissueMap(canvas pyramid.Size) *TissueMap {
	cells := pyramid.Size{W: pyramid.CeilDiv(canvas.W, TissueCell), H: pyramid.CeilDiv(canvas.H, TissueCell)}
	return &TissueMap{cells, make([]TissueClass, cells.W*cells.H)}
}

// At is the class of the cell that holds model pixel (x, y); beyond the canvas all is glass.
func (m *TissueMap) At(x, y int) TissueClass {
	cx, cy := x/TissueCell, y/TissueCell
	if x < 0 || y < 0 || cx >= m.Cells.W || cy >= m.Cells.H {
		return Glass
	}
	return m.Class[cy*m.Cells.W+cx]
}

// Any reports whether a cell of the class touches the rectangle of model pixels.
func (m *TissueMap) Any(r image.Rectangle, class TissueClass) bool {
	cells := pyramid.Grid{Size: pyramid.Size{W: m.Cells.W * TissueCell, H: m.Cells.H * TissueCell}, Tile: TissueCell}.Cover(r)
	for y := cells.Min.Y; y < cells.Max.Y; y++ {
		for _, c := range m.Class[y*m.Cells.W+cells.Min.X : y*m.Cells.W+cells.Max.X] {
			if c == class {
				return true
			}
		}
	}
	return false
}

// Count is the number of cells of each class.
func (m *TissueMap) Count() (n [tissueClasses]int) {
	for _, c := range m.Class {
		n[c]++
	}
	return n
}

// tissuePalette draws the classes so that a person can read tissue.png as it is.
var tissuePalette = color.Palette{
	Glass:      color.RGBA{255, 255, 255, 255},
	Tissue:     color.RGBA{200, 120, 160, 255},
	Pen:        color.RGBA{40, 90, 200, 255},
	Unscanned:  color.RGBA{190, 190, 190, 255},
	Unreadable: color.RGBA{220, 60, 40, 255},
	Bubble:     color.RGBA{120, 200, 210, 255},
	Blurred:    color.RGBA{230, 190, 90, 255},
}

// Encode writes the map as a paletted PNG, one pixel a cell, the palette index being the class.
func (m *TissueMap) Encode() ([]byte, error) {
	img := image.NewPaletted(m.Cells.Bounds(), tissuePalette)
	for i, c := range m.Class {
		img.Pix[i] = uint8(c)
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("encode tissue map: %w", err)
	}
	return buf.Bytes(), nil
}

// DecodeTissueMap reads what Encode writes, for a canvas of the given size.
func DecodeTissueMap(data []byte, canvas pyramid.Size) (*TissueMap, error) {
	m := NewTissueMap(canvas)
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("tissue map: %w", err)
	}
	if config.Width != m.Cells.W || config.Height != m.Cells.H {
		return nil, fmt.Errorf("tissue map of %dx%d cells for a canvas of %v", config.Width, config.Height, canvas)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("tissue map: %w", err)
	}
	p, ok := img.(*image.Paletted)
	// Maps of an earlier version have the first five classes.
	if !ok || len(p.Palette) < int(Unreadable)+1 || len(p.Palette) > int(tissueClasses) {
		return nil, fmt.Errorf("tissue map: not a paletted picture of %d classes", tissueClasses)
	}
	for y := range m.Cells.H {
		for x := range m.Cells.W {
			m.Class[y*m.Cells.W+x] = TissueClass(p.ColorIndexAt(x, y))
		}
	}
	return m, nil
}
