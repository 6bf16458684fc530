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
	at := t.Off + n*t.ImageStride + b*t.BlockStride + y*t.RowStride
	row := t.Data[at : at+t.W*Block]
	channels := min(Block, t.C-b*Block)
	if channels < Block && !j.out {
		clear(row)
	}
	for c := range channels {
		plain := j.plain[((n*t.C+b*Block+c)*t.H+y)*t.W:][:t.W]
		if j.out {
			for x := range plain {
				plain[x] = row[x*Block+c]
			}
		} else {
			for x, v := range plain {
				row[x*Block+c] = v
			}
		}
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
