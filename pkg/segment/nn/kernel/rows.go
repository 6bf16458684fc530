package kernel

import (
	"image"
	"slices"
)

// FillRow writes the row y of an image of three channels, as many floats as the row has pixels.
type FillRow = func(y int, red, green, blue []float32)

// imageTask converts rows between the blocked layout and whoever makes or wants them one by one.
type imageTask struct {
	t    Tensor
	fill FillRow                      // nil where rows are read
	keep []func(y int, row []float32) // by channel
	rect image.Rectangle
	ends bool // rows are read through end, not those of t itself
	end  ending
}

var (
	imageTasks pool[imageTask]
	rowBuffers pool[rowBuffer]
)

// rowBuffer holds the plain rows of one item.
type rowBuffer struct{ floats []float32 }

// Fill fills dst, one image of three channels, including its empty lanes, with the rows that fill writes. Several threads
// call it at once, each for another row.
//
// # Memory
//
// Three rows of floats for each thread: the image lies nowhere in plain planes.
func Fill(dst Tensor, fill FillRow, team *Team) {
	requireTensor(&dst)
	if dst.N != 1 || dst.C != 3 {
		fail("rows of colours for %d images of %d channels", dst.N, dst.C)
	}
	job := imageTasks.take()
	job.t, job.fill = dst, fill
	team.Do(dst.H, job)
	job.release()
}

// Rows hands a rectangle of the channels of one image over, row by row: keep has a function for each channel, nil for one
// that is not asked for. y counts from the image's first row, and row begins at the rectangle's left; it is lent until the
// function returns. Several threads call at once, each with another row.
//
// # Memory
//
// One row of floats for each thread, with an ending also one in the blocked layout.
func Rows(src Tensor, end Ending, rect image.Rectangle, keep []func(y int, row []float32), team *Team) {
	requireTensor(&src)
	w, h := end.size(&src)
	if src.N != 1 || len(keep) != src.C || rect.Empty() || !rect.In(image.Rect(0, 0, w, h)) {
		fail("rows of %v and %d channels from %d×%d×%d×%d", rect, len(keep), src.N, src.C, h, w)
	}
	job := imageTasks.take()
	job.t, job.keep, job.rect, job.ends = src, keep, rect, !end.None()
	if job.ends {
		job.end.over(end, src, rect)
	}
	team.Do(rect.Dy(), job)
	job.release()
}

// Item converts one row.
func (j *imageTask) Item(item int) {
	buffer := rowBuffers.take()
	defer rowBuffers.give(buffer)
	if j.fill != nil {
		fillLanes(j.t.row(0, 0, item), buffer.of(3*j.t.W), item, j.fill)
		return
	}
	j.keepRow(j.rect.Min.Y+item, buffer)
}

// keepRow hands one row of each channel over.
func (j *imageTask) keepRow(y int, buffer *rowBuffer) {
	w := j.rect.Dx()
	row := buffer.of(w)
	var lanes []float32
	if j.ends {
		room := buffer.of(w + w*Block)
		row, lanes = room[:w], room[w:]
		j.end.row(lanes, y)
	}
	for c, keep := range j.keep {
		if keep == nil {
			continue
		}
		if j.ends {
			gather(row, lanes[c:])
		} else {
			gather(row, j.t.row(0, c/Block, y)[j.rect.Min.X*Block+c%Block:])
		}
		keep(y, row)
	}
}

// release lets go of the caller's memory.
func (j *imageTask) release() {
	j.end.release()
	*j = imageTask{end: j.end}
	imageTasks.give(j)
}

// fillLanes has a row filled in plain, three rows long, and lays it out in lanes.
func fillLanes(lanes, plain []float32, y int, fill FillRow) {
	w := len(plain) / 3
	red, green, blue := plain[:w:w], plain[w:2*w:2*w], plain[2*w:]
	fill(y, red, green, blue)
	colours(lanes, red, green, blue)
}

// of is room for n floats; what stands in it is rubbish.
func (b *rowBuffer) of(n int) []float32 {
	b.floats = slices.Grow(b.floats[:0], n)[:n]
	return b.floats
}
