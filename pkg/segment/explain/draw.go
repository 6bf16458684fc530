package explain

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// Layout of the picture, pixels.
const (
	margin     = 12
	lineHeight = 16
	headLines  = 3
	footLines  = 4
	barWidth   = 220
)

var (
	ink    = color.RGBA{0x1d, 0x2a, 0x36, 0xff}
	warn   = color.RGBA{0x8a, 0x4b, 0x00, 0xff}
	raises = color.RGBA{0xcd, 0x00, 0x14, 0xff}
	lowers = color.RGBA{0x1f, 0x5f, 0xcb, 0xff}
)

// WritePNG draws the tissue and, beside it, what raised and what lowered the score.
func (e *Explanation) WritePNG(w io.Writer) error { return png.Encode(w, e.Draw()) }

// Draw is the picture that WritePNG writes.
func (e *Explanation) Draw() *image.RGBA {
	size := e.Canvas.Image.Rect.Size()
	top := margin + headLines*lineHeight
	page := image.NewRGBA(image.Rect(0, 0, max(3*margin+2*size.X, 640), top+size.Y+margin+footLines*lineHeight+margin))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	write(page, margin, margin+10, ink, e.Question())
	write(page, margin, margin+10+lineHeight, ink, fmt.Sprintf("Mean log-odds %+.2f (p %.3f) in the outlined window; %s, model %s %s",
		e.LogOdds, e.Probability, e.how(), e.Model.Name, e.Model.Version))
	write(page, margin, margin+10+2*lineHeight, warn, e.Use)
	for i, img := range []image.Image{e.Canvas.Image, e.Overlay()} {
		at := image.Pt(margin+i*(size.X+margin), top)
		draw.Draw(page, image.Rectangle{Min: at, Max: at.Add(size)}, img, image.Point{}, draw.Over)
		outline(page, e.Canvas.Window.Add(at))
	}
	e.legend(page, top+size.Y+margin)
	return page
}

// undecided is how far the probability may be from one half without saying either.
const undecided = 0.1

// Question is what the picture answers, which depends on what the model said of the place.
func (e *Explanation) Question() string {
	word := "undecided about"
	switch {
	case e.Probability > 0.5+undecided:
		word = "for"
	case e.Probability < 0.5-undecided:
		word = "against"
	}
	return fmt.Sprintf("Why is the model %s %s in the %.0f µm around %s?", word, e.Class, e.side(), e.middle())
}

// side is the window's width in microns.
func (e *Explanation) side() float64 { return float64(e.Canvas.Window.Dx()) * e.MPP }

// Window is what the score is of, in level-0 pixels: x0, y0, x1, y1.
func (e *Explanation) Window() [4]float64 { return e.box(e.Canvas.Window) }

// middle is the window's place on the slide: that of the pixel in its middle.
func (e *Explanation) middle() string {
	w := e.Window()
	return fmt.Sprintf("pixel %.0f, %.0f", (w[0]+w[2])/2, (w[1]+w[3])/2)
}

// Said is the picture in words, for who reads them beside it or instead of it.
func (e *Explanation) Said() string {
	return fmt.Sprintf("In the outlined window, %.0f µm wide around %s, the model gives %s a probability of %.2f. Left: the tissue; right: what "+
		"moved that score, red raised it and blue lowered it. What moved the model need not be what a pathologist would go by.",
		e.side(), e.middle(), e.Class, e.Probability)
}

func (e *Explanation) how() string {
	if e.Method == Occlusion {
		return fmt.Sprintf("occlusion of %.0f µm", float64(e.Patch)*e.MPP)
	}
	return fmt.Sprintf("gradients of %d steps", e.Steps)
}

// Overlay is the tissue in grey with the contributions in colour over it.
func (e *Explanation) Overlay() *image.RGBA {
	src := e.Canvas.Image
	out := image.NewRGBA(src.Rect)
	most := e.most()
	for y := range src.Rect.Dy() {
		for x := range src.Rect.Dx() {
			px := src.Pix[y*src.Stride+4*x:][:3]
			grey := 96 + 0.6*(0.3*float64(px[0])+0.59*float64(px[1])+0.11*float64(px[2]))
			v := e.at(x, y) / most
			tint := raises
			if v < 0 {
				tint = lowers
			}
			a := 0.85 * math.Min(math.Abs(v), 1)
			to := out.Pix[y*out.Stride+4*x:][:4]
			for k, c := range [3]uint8{tint.R, tint.G, tint.B} {
				to[k] = uint8(math.Min(grey, 250)*(1-a) + float64(c)*a)
			}
			to[3] = 255
		}
	}
	return out
}

// most is the contribution that gets the full colour: the 99th percentile, so that one part does not
// pale all others. Never zero.
func (e *Explanation) most() float64 {
	size := make([]float64, len(e.Grid))
	for i, v := range e.Grid {
		size[i] = math.Abs(v)
	}
	slices.Sort(size)
	return max(size[(len(size)-1)*99/100], 1e-12)
}

// at interpolates the contributions between the middles of parts.
func (e *Explanation) at(x, y int) float64 {
	u, v := (float64(x)+0.5)/float64(e.Patch)-0.5, (float64(y)+0.5)/float64(e.Patch)-0.5
	u, v = min(max(u, 0), float64(e.Columns-1)), min(max(v, 0), float64(e.Rows-1))
	i, j := int(u), int(v)
	i1, j1 := min(i+1, e.Columns-1), min(j+1, e.Rows-1)
	a, b := u-float64(i), v-float64(j)
	upper := e.Grid[j*e.Columns+i]*(1-a) + e.Grid[j*e.Columns+i1]*a
	lower := e.Grid[j1*e.Columns+i]*(1-a) + e.Grid[j1*e.Columns+i1]*a
	return upper*(1-b) + lower*b
}

// legend draws the scale of colours and says what it means.
func (e *Explanation) legend(page *image.RGBA, y int) {
	for x := range barWidth {
		v := 2*float64(x)/float64(barWidth-1) - 1
		c := raises
		if v < 0 {
			c = lowers
		}
		a := math.Abs(v)
		mix := func(k uint8) uint8 { return uint8(230*(1-a) + float64(k)*a) }
		for dy := range 10 {
			page.SetRGBA(margin+x, y+dy, color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255})
		}
	}
	write(page, margin+barWidth+8, y+10, ink, fmt.Sprintf("%+.3g to %+.3g log-odds a part: blue lowered the score, red raised it", -e.most(), e.most()))
	write(page, margin, y+10+lineHeight, ink, fmt.Sprintf("A part is %.0f µm wide. Its effect: by how much the score falls if it takes the mean colour.", float64(e.Patch)*e.MPP))
	write(page, margin, y+10+2*lineHeight, ink, fmt.Sprintf("%.0f %% of all effect lies in the window, the rest in the context around it.", 100*e.inside))
	write(page, margin, y+10+3*lineHeight, ink, "What moved the model need not be what a pathologist would go by.")
}

// write draws a line of text. The font has no µ: it becomes a u whose left stem goes on below the line.
func write(page *image.RGBA, x, y int, c color.Color, text string) {
	d := font.Drawer{Dst: page, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	for i, part := range strings.Split(text, "µ") {
		if i > 0 {
			stem := d.Dot.X.Round() + stemOfU
			d.DrawString("u")
			for dy := range 2 {
				page.Set(stem, y+dy, c)
			}
		}
		d.DrawString(part)
	}
}

// stemOfU is the column of the left stem of the font's u.
const stemOfU = 0

// outline draws a frame of two pixels, dark and light, visible on any tissue.
func outline(page *image.RGBA, r image.Rectangle) {
	for i, c := range []color.RGBA{{255, 255, 255, 255}, {0, 0, 0, 255}} {
		f := r.Inset(-i)
		for x := f.Min.X; x < f.Max.X; x++ {
			page.SetRGBA(x, f.Min.Y, c)
			page.SetRGBA(x, f.Max.Y-1, c)
		}
		for y := f.Min.Y; y < f.Max.Y; y++ {
			page.SetRGBA(f.Min.X, y, c)
			page.SetRGBA(f.Max.X-1, y, c)
		}
	}
}
