package stitch

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// coarse is the slow reference of a level: the largest value of all that a pixel covers.
func (w *world) coarse(plane []uint8, d pyramid.DeepZoom, level int) []uint8 {
	size, shift := d.LevelSize(level), d.Max()-level
	out := make([]uint8, size.W*size.H)
	for y := range w.canvas.H {
		for x := range w.canvas.W {
			i := y>>shift*size.W + x>>shift
			out[i] = max(out[i], plane[y*w.canvas.W+x])
		}
	}
	return out
}

// coarseBits is coarse for marks: all of them.
func (w *world) coarseBits(plane []uint8, d pyramid.DeepZoom, level int) []uint8 {
	size, shift := d.LevelSize(level), d.Max()-level
	out := make([]uint8, size.W*size.H)
	for i, bits := range plane {
		out[i/w.canvas.W>>shift*size.W+i%w.canvas.W>>shift] |= bits
	}
	return out
}

// TestPyramids compares every pixel of every tile of both pyramids with the reference.
func TestPyramids(t *testing.T) {
	w := blobs(tiny, 21)
	b, p, _ := w.stitched(t, 128, 2)
	keys := store.Slide(p.Slide).Run(p.Run)
	d := pyramid.DeepZoom{Size: tiny, Tile: overlayTile}
	hatched := make([]uint8, tiny.Pixels())
	for i := range hatched {
		switch w.tissue.At(i%tiny.W, i/tiny.W) {
		case segment.Pen:
			hatched[i] = unseen | becausePen
		case segment.Unscanned:
			hatched[i] = unseen | becauseUnscanned
		}
	}
	colours := newPalette(128)
	for level := range d.Max() + 1 {
		probability, highGrade, unseenPart := w.coarse(w.probability, d, level), w.coarse(w.highGrade, d, level), w.coarseBits(hatched, d, level)
		size := d.LevelSize(level)
		for row := range d.Grid(level).Rows() {
			for col := range d.Grid(level).Cols() {
				tile, bounds := pyramid.Tile{Level: level, Col: col, Row: row}, d.Grid(level).Bounds(col, row)
				grey := decodePNG(t, read(t, b, keys.ProbabilityTile(tile))).(*image.Gray)
				overlay := overlayPixels(t, read(t, b, keys.OverlayTile(tile)))
				if grey.Bounds().Size() != bounds.Size() || overlay.Bounds().Size() != bounds.Size() {
					t.Fatalf("tile %v is %v, want %v", tile, grey.Bounds(), bounds)
				}
				for y := range bounds.Dy() {
					for x := range bounds.Dx() {
						i := (bounds.Min.Y+y)*size.W + bounds.Min.X + x
						if got := grey.GrayAt(x, y).Y; got != probability[i] {
							t.Fatalf("tile %v pixel %d,%d: %d, want %d", tile, x, y, got, probability[i])
						}
						other := highGrade[i] &^ flags
						if unseenPart[i] != 0 {
							other = unseenPart[i]
						}
						c := colours.at(bounds.Min.X+x, bounds.Min.Y+y, probability[i], other)
						if got := overlay.NRGBAAt(x, y); got != (color.NRGBA{c[0], c[1], c[2], c[3]}) {
							t.Fatalf("tile %v pixel %d,%d: %v, want %v", tile, x, y, got, c)
						}
					}
				}
			}
		}
	}
}

// TestDescriptors: the Deep Zoom manifests are what viewers and `vips dzsave` know.
func TestDescriptors(t *testing.T) {
	w := blobs(tiny, 22)
	b, p, _ := w.stitched(t, 256, 1)
	keys := store.Slide(p.Slide).Run(p.Run)
	for _, key := range []string{keys.ProbabilityDZI(), keys.OverlayDZI()} {
		var dzi struct {
			XMLName  xml.Name
			Format   string `xml:"Format,attr"`
			Overlap  int    `xml:"Overlap,attr"`
			TileSize int    `xml:"TileSize,attr"`
			Size     struct {
				Width, Height int `xml:",attr"`
			}
		}
		if err := xml.Unmarshal(read(t, b, key), &dzi); err != nil {
			t.Fatal(err)
		}
		if dzi.XMLName.Space != "http://schemas.microsoft.com/deepzoom/2008" || dzi.XMLName.Local != "Image" ||
			dzi.Format != "png" || dzi.Overlap != 0 || dzi.TileSize != 256 || dzi.Size.Width != tiny.W || dzi.Size.Height != tiny.H {
			t.Errorf("%s: %+v", key, dzi)
		}
	}
}

// TestPalette: what matters is told apart at any threshold.
func TestPalette(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cut := rapid.Uint8Range(1, 255).Draw(t, "cut")
		probability, other := rapid.Uint8().Draw(t, "probability"), rapid.Uint8().Draw(t, "other")
		x, y := rapid.IntRange(0, 1<<20).Draw(t, "x"), rapid.IntRange(0, 1<<20).Draw(t, "y")
		p := newPalette(cut)
		c := p.at(x, y, probability, other)
		switch {
		case other&flags == doubt && (x-y)&7 < 3:
			if c != doubtful {
				t.Errorf("doubt is drawn as %v", c)
			}
		case probability >= cut && (c[3] < 80 || c[0] < 200 || c[2] > 60):
			t.Errorf("carcinoma is drawn as %v", c)
		case probability < cut && other&unseen != 0 && c != stripe && !slices.ContainsFunc(excluded[:], func(e reason) bool { return e.colour == c }):
			t.Errorf("not analysed is drawn as %v", c)
		case probability == 0 && other == 0 && c[3] != 0:
			t.Errorf("nothing is drawn as %v", c)
		}
	})
}

// overlayPixels decodes a tile of the overlay, of few colours or many.
func overlayPixels(t *testing.T, data []byte) *image.NRGBA {
	t.Helper()
	img := decodePNG(t, data)
	few, ok := img.(*image.Paletted)
	if !ok {
		return img.(*image.NRGBA)
	}
	all := image.NewNRGBA(few.Rect)
	for i, n := range few.Pix {
		all.SetNRGBA(i%few.Stride, i/few.Stride, few.Palette[n].(color.NRGBA))
	}
	return all
}

// TestPNG: the small encoder writes what the standard library reads, for any size and content.
func TestPNG(t *testing.T) {
	e := newPNGEncoder()
	rapid.Check(t, func(t *rapid.T) {
		size := pyramid.Size{W: rapid.IntRange(1, 40).Draw(t, "w"), H: rapid.IntRange(1, 40).Draw(t, "h")}
		colour := rapid.SampledFrom([]byte{pngGrey, pngIndexed, pngRGBA}).Draw(t, "colour")
		n := size.W * size.H
		if colour == pngRGBA {
			n *= 4
		}
		pixels := rapid.SliceOfN(rapid.Uint8(), n, n).Draw(t, "pixels")
		var colours []rgba
		if colour == pngIndexed {
			for i := range int(slices.Max(pixels)) + 1 {
				colours = append(colours, rgba{uint8(i), uint8(3 * i), 7, uint8(255 - i/2)})
			}
		}
		data, err := e.file(size, colour, colours, pixels)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		var got []uint8
		switch img := img.(type) {
		case *image.Gray:
			got = img.Pix
		case *image.NRGBA:
			got = img.Pix
		case *image.Paletted:
			got = img.Pix
			for i, c := range colours {
				if img.Palette[i] != (color.NRGBA{c[0], c[1], c[2], c[3]}) {
					t.Fatalf("colour %d is %v, want %v", i, img.Palette[i], c)
				}
			}
		default:
			t.Fatalf("decoded as %T", img)
		}
		if img.Bounds().Size() != image.Pt(size.W, size.H) || !bytes.Equal(got, pixels) {
			t.Fatal("pixels differ")
		}
	})
}

// TestPreview: the preview shows carcinoma where it is and leaves the rest alone.
func TestPreview(t *testing.T) {
	w := blobs(tiny, 23)
	b, p := b0(t, w)
	putPyramid(t, b, w.manifest(p))
	if _, err := Run(t.Context(), w.config(t, b, p, 1)); err != nil {
		t.Fatal(err)
	}
	img := decodePNG(t, read(t, b, store.Slide(p.Slide).Run(p.Run).Preview()))
	size := img.Bounds().Size()
	if o, ok := img.(interface{ Opaque() bool }); !ok || !o.Opaque() {
		t.Errorf("the preview is a %T and not opaque", img)
	}
	if want := fit(p.Frame.Slide, previewSide); size != image.Pt(want.W, want.H) {
		t.Fatalf("preview of %v, want %v", size, want)
	}
	wrong := 0
	for y := 0; y < size.Y; y += 3 {
		for x := 0; x < size.X; x += 3 {
			at := image.Pt(x*tiny.W/size.X, y*tiny.H/size.Y)
			r, g, bl, _ := img.At(x, y).RGBA()
			red := r > g+0x2000 && r > bl+0x2000
			if red != (w.at(w.probability, at) >= 128) {
				wrong++
			}
		}
	}
	if share := float64(wrong) / float64(size.X*size.Y/9); share > 0.02 {
		t.Errorf("%.1f %% of the preview is wrong", 100*share)
	}
}

// BenchmarkOverlayTile measures colouring and encoding one busy tile of both pyramids.
func BenchmarkOverlayTile(b *testing.B) {
	w := blobs(pyramid.Size{W: 256, H: 256}, 24)
	r := newRasterPool().make(pyramid.Size{W: 256, H: 256})
	copy(r.probability, w.probability)
	copy(r.other, w.highGrade)
	o := &overlays{palette: newPalette(128), png: newPNGEncoder()}
	o.paintings.New = func() any { return new(painting) }
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := o.encode(image.Rect(0, 0, 256, 256), r); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRowAsPixelByPixel: a row of the overlay has the colours of its pixels, wherever the cut is.
func TestRowAsPixelByPixel(t *testing.T) {
	for _, cut := range []uint8{1, 2, 128, 255} {
		p := newPalette(cut)
		for other := range 256 {
			probability, others := make([]uint8, 256), bytes.Repeat([]byte{uint8(other)}, 256)
			for v := range probability {
				probability[v] = uint8(v)
			}
			got := make([]uint16, 256)
			p.row(got, image.Pt(5, other), probability, others)
			for x, v := range probability {
				if want := p.at(5+x, other, v, uint8(other)); p.colours[got[x]] != want {
					t.Fatalf("cut %d, values %d and %d: %v, want %v", cut, v, other, p.colours[got[x]], want)
				}
			}
		}
	}
}

// TestBytesTogether: what is done to eight bytes at once is what is done to each.
func TestBytesTogether(t *testing.T) {
	for n := range 20 {
		for at := range n {
			pix := make([]uint8, n)
			if !blank(pix) {
				t.Errorf("%d zeros are not blank", n)
			}
			pix[at] = 0x47
			to := make([]uint8, n)
			unflagged(to, pix)
			if blank(pix) || to[at] != 0x44 || bytes.Count(to, []byte{0}) != n-1 {
				t.Errorf("byte %d of %d: %v", at, n, to)
			}
			pix[at] = 1
			spread(pix)
			if pix[at] != 255 || bytes.Count(pix, []byte{0}) != n-1 {
				t.Errorf("byte %d of %d: %v", at, n, pix)
			}
		}
	}
}

// TestEmptyTilesOfOnePyramid: where only one pyramid shows something, the other's tile is the one of glass.
func TestEmptyTilesOfOnePyramid(t *testing.T) {
	o := &overlays{palette: newPalette(128), png: newPNGEncoder()}
	o.paintings.New = func() any { return new(painting) }
	bounds := image.Rect(0, 0, 256, 256)
	glass, clear, err := o.encode(bounds, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := newRasterPool().make(pyramid.Size{W: 256, H: 256})
	r.probability[300] = 9 // far below the cut: no colour
	probability, overlay, err := o.encode(bounds, r)
	if err != nil || bytes.Equal(probability, glass) || !bytes.Equal(overlay, clear) {
		t.Errorf("a low probability: tiles equal those of glass: %v and %v, %v", bytes.Equal(probability, glass), bytes.Equal(overlay, clear), err)
	}
	r.probability[300], r.other[300] = 0, because(segment.Pen)
	probability, overlay, err = o.encode(bounds, r)
	if err != nil || !bytes.Equal(probability, glass) || bytes.Equal(overlay, clear) {
		t.Errorf("pen: tiles equal those of glass: %v and %v, %v", bytes.Equal(probability, glass), bytes.Equal(overlay, clear), err)
	}
	if got := overlayPixels(t, clear); got.Bounds() != bounds || !blank(got.Pix) {
		t.Errorf("the empty tile of %v shows something", got.Bounds())
	}
}

// TestShrinkAsWrittenDown: every pixel of a parent shows the largest of the four below it, as max and merge have it, with
// marks or without, at any size of the child.
func TestShrinkAsWrittenDown(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 8))
	for range 400 {
		child := newRasterPool().make(pyramid.Size{W: 1 + r.IntN(256), H: 1 + r.IntN(9)})
		marks := []uint8{0, doubt, unseen | becausePen | becauseBubble, flags}[r.IntN(4)]
		for i := range child.probability {
			child.probability[i], child.other[i] = uint8(r.IntN(256)), uint8(r.IntN(256))&^flags
			if r.IntN(20) == 0 {
				child.other[i] |= marks
			}
		}
		parent := newRasterPool().make(pyramid.Size{W: 256, H: 256})
		want := newRasterPool().make(parent.size)
		left, top := 128*r.IntN(2), 128*r.IntN(2)
		parent.shrink(child, left, top)
		for i, v := range child.probability {
			at := (top+i/child.size.W/2)*256 + left + i%child.size.W/2
			want.probability[at] = max(want.probability[at], v)
			want.other[at] = merge(want.other[at], child.other[i])
		}
		if !bytes.Equal(parent.probability, want.probability) || !bytes.Equal(parent.other, want.other) {
			t.Fatalf("a child of %v at %d,%d, marked %x, is shrunk otherwise", child.size, left, top, marks)
		}
	}
}
