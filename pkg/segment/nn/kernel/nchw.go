package kernel

// nchwTask converts rows between the blocked layout and plain (N, C, H, W).
type nchwTask struct {
	t     Tensor
	plain []float32
	out   bool // blocked to plain
}

var nchwTasks pool[nchwTask]

// FromNCHW fills dst, including its empty lanes, from plain activations (N, C, H, W).
func FromNCHW(dst Tensor, src []float32, team *Team) { convert(dst, src, false, team) }

// ToNCHW writes plain activations (N, C, H, W).
func ToNCHW(dst []float32, src Tensor, team *Team) { convert(src, dst, true, team) }

func convert(t Tensor, plain []float32, out bool, team *Team) {
	requireTensor(&t)
	if len(plain) != t.N*t.C*t.H*t.W {
		fail("%d floats for %d×%d×%d×%d", len(plain), t.N, t.C, t.H, t.W)
	}
	job := nchwTasks.take()
	job.t, job.plain, job.out = t, plain, out
	team.Do(t.N*t.Blocks()*t.H, job)
	job.t, job.plain = Tensor{}, nil
	nchwTasks.give(job)
}

// Item converts one row of one block.
func (j *nchwTask) Item(item int) {
	t := &j.t
	y, plane := item%t.H, item/t.H
	n, b := plane/t.Blocks(), plane%t.Blocks()
	row := t.row(n, b, y)
	channels := min(Block, t.C-b*Block)
	of := func(c int) []float32 { return j.plain[((n*t.C+b*Block+c)*t.H+y)*t.W:][:t.W] }
	switch {
	case j.out:
		for c := range channels {
			gather(of(c), row[c:])
		}
	case channels == 3:
		colours(row, of(0), of(1), of(2))
	default:
		if channels < Block {
			clear(row)
		}
		for c := range channels {
			scatter(row[c:], of(c))
		}
	}
}

// gather takes one channel out of a row of pixels.
func gather(plain, row []float32) {
	for x := range plain {
		plain[x] = row[x*Block]
	}
}

func scatter(row, plain []float32) {
	for x, v := range plain {
		row[x*Block] = v
	}
}

// colours fills whole pixels of three channels: most images are of this kind, and one pass over the row
// writes each line of the cache once.
func colours(row, red, green, blue []float32) {
	for x, r := range red {
		*(*[Block]float32)(row[x*Block:]) = [Block]float32{r, green[x], blue[x]}
	}
}

// ClearBorder zeroes the border of every plane.
func ClearBorder(t Tensor) {
	requireTensor(&t)
	for plane := range t.N * t.Blocks() {
		n, b := plane/t.Blocks(), plane%t.Blocks()
		at := t.Off + n*t.ImageStride + b*t.BlockStride
		side := t.Border * Block
		for y := -t.Border; y < t.H+t.Border; y++ {
			row := t.Data[at+y*t.RowStride-side:][:t.W*Block+2*side]
			if y < 0 || y >= t.H {
				clear(row)
				continue
			}
			clear(row[:side])
			clear(row[side+t.W*Block:])
		}
	}
}
