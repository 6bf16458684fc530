package train

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"github.com/slidemill/slidemill/pkg/segment/train/annotate"
)

// The classes of the built-in model, in the order of its output planes.
const (
	Background = iota // stroma, lumen outside lesions, glass
	Benign            // normal, hyperplastic, serrated and low-grade epithelium
	HighGrade         // high-grade dysplasia
	Carcinoma
	Classes // how many there are
)

// ClassNames are the classes as files and reports spell them.
func ClassNames() []string {
	return []string{"background", "benign epithelium", "high-grade dysplasia", "carcinoma"}
}

// Case is one labelled image, decoded.
type Case struct {
	Name    string // file name without its ending
	Patient string
	Group   string // the folder it came from, a diagnosis such as "polyp"
	W, H    int
	RGB     []uint8 // W·H·3, interleaved
	Label   []uint8 // W·H class indexes, or Ignore
	Main    uint8   // the class of its lesion, Background when it has none
	Coarse  bool    // the outline covers everything: it says "somewhere here", not "exactly here"
}

// Ignore is the label of pixels that nobody judged: they are not learned from and not counted.
const Ignore = annotate.Ignore

// coarseShare is the share of an image above which its outline is no outline.
const coarseShare = 0.99

// rgbBytes copies any image into interleaved RGB; transparent pixels become white, as on glass.
func rgbBytes(img image.Image) (pix []uint8, w, h int) {
	b := img.Bounds()
	w, h = b.Dx(), b.Dy()
	flat := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(flat, flat.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(flat, flat.Rect, img, b.Min, draw.Over)
	pix = make([]uint8, 0, 3*w*h)
	for i := 0; i < len(flat.Pix); i += 4 {
		pix = append(pix, flat.Pix[i], flat.Pix[i+1], flat.Pix[i+2])
	}
	return pix, w, h
}

// maskLabels turns a mask into class indexes.
func maskLabels(mask image.Image, class func(uint8) (uint8, error)) ([]uint8, error) {
	b := mask.Bounds()
	labels := make([]uint8, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c, err := class(maskValue(mask, x, y))
			if err != nil {
				return nil, fmt.Errorf("pixel (%d, %d): %w", x, y, err)
			}
			labels = append(labels, c)
		}
	}
	return labels, nil
}

// maskValue is the raw value of a mask's pixel: the palette index of an indexed image, where an index
// is a label, and the brightness otherwise. A two-colour palette is a brightness too, whatever its order.
func maskValue(mask image.Image, x, y int) uint8 {
	if p, ok := mask.(*image.Paletted); ok && len(p.Palette) > 2 {
		return p.ColorIndexAt(x, y)
	}
	return color.GrayModel.Convert(mask.At(x, y)).(color.Gray).Y
}

// finish derives what follows from the labels.
func (c *Case) finish() {
	var count [256]int
	for _, l := range c.Label {
		count[l]++
	}
	lesion := 0
	for class := 1; class < Classes; class++ {
		lesion += count[class]
		if count[class] > 0 {
			c.Main = uint8(class)
		}
	}
	c.Coarse = float64(lesion) > coarseShare*float64(len(c.Label))
}
