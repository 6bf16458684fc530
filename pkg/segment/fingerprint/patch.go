package fingerprint

import "image"

// A patch is a block with the eight around it: PatchSide pixels wide.
const PatchSide = 3 * Block

// Cover is the rectangle of canvas pixels that the verdicts on r depend on.
func Cover(r image.Rectangle) image.Rectangle {
	return image.Rectangle{
		Min: image.Pt(floor(r.Min.X)*Block, floor(r.Min.Y)*Block), Max: image.Pt(ceil(r.Max.X)*Block, ceil(r.Max.Y)*Block),
	}.Inset(-Block)
}

func floor(v int) int {
	if v < 0 {
		return -((-v + Block - 1) / Block)
	}
	return v / Block
}

func ceil(v int) int { return -floor(-v) }

// Verdicts says of each block in a rectangle how far it lies from the training images.
type Verdicts struct {
	blocks image.Rectangle // on the grid of blocks
	level  []uint8
}

// Unlike is the level above which a block looks like nothing in training. Level 100 is the limit
// of the fingerprint; 0 means that there was too little tissue to say.
const Unlike = 100

// At is the level of the block that holds canvas pixel (x, y).
func (v *Verdicts) At(x, y int) uint8 {
	return v.level[(floor(y)-v.blocks.Min.Y)*v.blocks.Dx()+floor(x)-v.blocks.Min.X]
}

// Judge judges every block that touches r, from a canvas that holds Cover(r). Each verdict depends on
// its own patch alone, so it is the same whatever rectangle is asked for.
//
// # Memory
//
// Three rows of sums: 0.4 kB for each 64 pixels of width.
func (f *Fingerprint) Judge(canvas *image.RGBA, r image.Rectangle) *Verdicts {
	cover := Cover(r)
	inner := cover.Inset(Block)
	v := &Verdicts{blocks: image.Rect(floor(inner.Min.X), floor(inner.Min.Y), floor(inner.Max.X), floor(inner.Max.Y))}
	v.level = make([]uint8, v.blocks.Dx()*v.blocks.Dy())
	var rows [3][]Sums
	var m Meter
	for i := range v.blocks.Dy() + 2 {
		rows[0], rows[1], rows[2] = rows[1], rows[2], m.row(canvas, cover, i, rows[0])
		if i < 2 {
			continue
		}
		for x := range v.blocks.Dx() {
			var patch Sums
			for _, row := range rows {
				for k := x; k < x+3; k++ {
					patch.Add(&row[k])
				}
			}
			v.level[(i-2)*v.blocks.Dx()+x] = f.level(&patch)
		}
	}
	return v
}

// Share is the share of a picture's judged blocks that look like nothing in training; ok is false where
// none could be judged.
func (f *Fingerprint) Share(canvas *image.RGBA, r image.Rectangle) (share float64, ok bool) {
	unlike, judged := 0, 0
	for _, level := range f.Judge(canvas, r).level {
		if level > 0 {
			judged++
		}
		if level > Unlike {
			unlike++
		}
	}
	return float64(unlike) / float64(max(judged, 1)), judged > 0
}

// row measures row i of blocks.
func (m *Meter) row(canvas *image.RGBA, cover image.Rectangle, i int, sums []Sums) []Sums {
	n := cover.Dx() / Block
	if sums == nil {
		sums = make([]Sums, n)
	}
	for k := range sums {
		at := canvas.PixOffset(cover.Min.X+k*Block, cover.Min.Y+i*Block)
		m.Measure(canvas.Pix[at:], canvas.Stride, &sums[k])
	}
	return sums
}

// level is the distance of a patch in hundredths of the limit.
func (f *Fingerprint) level(patch *Sums) uint8 {
	features, ok := patch.Features()
	if !ok {
		return 0
	}
	return uint8(min(max(float64(Unlike)*(f.Distance(features)/f.Limit)+0.5, 1), 255))
}

// Patch computes the features of a rectangle of whole blocks.
func Patch(img *image.RGBA, r image.Rectangle) (features []float64, ok bool) {
	var m Meter
	var all, s Sums
	for y := r.Min.Y; y+Block <= r.Max.Y; y += Block {
		for x := r.Min.X; x+Block <= r.Max.X; x += Block {
			m.Measure(img.Pix[img.PixOffset(x, y):], img.Stride, &s)
			all.Add(&s)
		}
	}
	return all.Features()
}
