package fingerprint

import "image"

// A patch is a block with the eight around it: PatchSide pixels wide.
const PatchSide = 3 * Block

// Reach is how far from a pixel the patch of its block may extend, along either axis: from one edge of its block to the
// other, and a block more. It says of a pixel what Cover says of a rectangle.
const Reach = 2 * Block

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

// Judge judges the blocks that touch r, from a canvas that holds Cover(r): all of them, or those that
// wanted, given a block's rectangle, says are. The others are not known. Each verdict depends on its own
// patch alone, so it is the same whatever rectangle or blocks are asked for.
//
// # Memory
//
// Three rows of sums: 0.4 kB for each 64 pixels of width.
func (f *Fingerprint) Judge(canvas *image.RGBA, r image.Rectangle, wanted func(block image.Rectangle) bool) *Verdicts {
	j := newJudge(canvas, r, wanted)
	var rows [3][]Sums
	for i := range j.asked.Dy() + 2 {
		rows[0], rows[1], rows[2] = rows[1], rows[2], j.row(i, rows[0])
		if i < 2 {
			continue
		}
		for x := range j.asked.Dx() {
			if at := (i-2)*j.asked.Dx() + x; j.wanted[at] {
				patch := sumUp(rows, x)
				j.level[at] = f.level(&patch)
			}
		}
	}
	return &Verdicts{blocks: j.asked, level: j.level}
}

// sumUp is the patch of nine blocks whose leftmost is x.
func sumUp(rows [3][]Sums, x int) (patch Sums) {
	for _, row := range rows {
		for k := x; k < x+3; k++ {
			patch.Add(&row[k])
		}
	}
	return patch
}

// judge is one call of Judge on its way.
type judge struct {
	canvas *image.RGBA
	asked  image.Rectangle // on the grid of blocks
	wanted []bool          // of the asked blocks
	level  []uint8
	meter  Meter
}

func newJudge(canvas *image.RGBA, r image.Rectangle, wanted func(image.Rectangle) bool) *judge {
	inner := Cover(r).Inset(Block)
	j := &judge{canvas: canvas, asked: image.Rect(floor(inner.Min.X), floor(inner.Min.Y), floor(inner.Max.X), floor(inner.Max.Y))}
	n := j.asked.Dx() * j.asked.Dy()
	j.wanted, j.level = make([]bool, n), make([]uint8, n)
	for i := range j.wanted {
		at := inner.Min.Add(image.Pt(i%j.asked.Dx(), i/j.asked.Dx()).Mul(Block))
		j.wanted[i] = wanted == nil || wanted(image.Rectangle{Min: at, Max: at.Add(image.Pt(Block, Block))})
	}
	return j
}

// Share is the share of a picture's judged blocks that look like nothing in training; ok is false where
// none could be judged.
func (f *Fingerprint) Share(canvas *image.RGBA, r image.Rectangle) (share float64, ok bool) {
	unlike, judged := 0, 0
	for _, level := range f.Judge(canvas, r, nil).level {
		if level > 0 {
			judged++
		}
		if level > Unlike {
			unlike++
		}
	}
	return float64(unlike) / float64(max(judged, 1)), judged > 0
}

// row measures row i of blocks, counted from the one above those asked for, as far as a wanted patch holds
// them.
func (j *judge) row(i int, sums []Sums) []Sums {
	if sums == nil {
		sums = make([]Sums, j.asked.Dx()+2)
	}
	for k := range sums {
		if !j.near(k-1, i-1) {
			continue // nobody reads what is left there
		}
		at := j.canvas.PixOffset((j.asked.Min.X+k-1)*Block, (j.asked.Min.Y+i-1)*Block)
		j.meter.Measure(j.canvas.Pix[at:], j.canvas.Stride, &sums[k])
	}
	return sums
}

// near reports whether block (x, y), counted from the first asked one, or one around it is wanted.
func (j *judge) near(x, y int) bool {
	w, h := j.asked.Dx(), j.asked.Dy()
	for v := max(y-1, 0); v <= min(y+1, h-1); v++ {
		for u := max(x-1, 0); u <= min(x+1, w-1); u++ {
			if j.wanted[v*w+u] {
				return true
			}
		}
	}
	return false
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
