package kernel

import "unsafe"

// dotsTask sums a, and a·b, over all positions of each channel in float64. Strips are summed on their
// own and then in order, so that the result depends on the shape alone.
type dotsTask struct {
	isa      ISA
	a, b     Tensor
	height   int
	strips   int
	partial  []dots // [block][image][strip]
	sum, dot []float64
}

// dots are the sums of one block of channels.
type dots struct{ sum, dot [Block]float64 }

// dotsArgs is what the summing kernel needs. Its layout is known to the assembly.
type dotsArgs struct {
	a, b, out unsafe.Pointer
	pixels    int64
}

var dotsTasks pool[dotsTask]

// ChannelSums gives for each channel the sum and the sum of squares over batch, rows and columns.
func ChannelSums(src Tensor, sum, sumSq []float64, team *Team) {
	ChannelDots(src, src, sum, sumSq, team)
}

// ChannelDots gives for each channel Σ a and Σ a·b, as the gradient of a batch norm needs them. The
// products are exact and the sums have the precision of float64.
func ChannelDots(a, b Tensor, sum, dot []float64, team *Team) {
	requireTensor(&a)
	requireTensor(&b)
	requireSame(&a, &b)
	if len(sum) != a.C || len(dot) != a.C {
		fail("%d and %d sums for %d channels", len(sum), len(dot), a.C)
	}
	t := dotsTasks.take()
	t.start(a, b, team)
	for c := range a.C {
		d := &t.partial[c/Block*t.strips*a.N]
		sum[c], dot[c] = d.sum[c%Block], d.dot[c%Block]
	}
	t.end()
}

// channelTotals gives the sum of each channel as float32.
func channelTotals(total []float32, a Tensor, team *Team) {
	if len(total) != a.C {
		fail("%d sums for %d channels", len(total), a.C)
	}
	t := dotsTasks.take()
	t.start(a, a, team)
	for c := range a.C {
		total[c] = float32(t.partial[c/Block*t.strips*a.N].sum[c%Block])
	}
	t.end()
}

// start leaves the sums of each block in its first strip.
func (t *dotsTask) start(a, b Tensor, team *Team) {
	t.isa, t.a, t.b = Variant(), a, b
	t.height = max(1, stripPixels/a.W)
	t.strips = (a.H + t.height - 1) / t.height
	t.partial = grow(t.partial, a.Blocks()*a.N*t.strips)
	clear(t.partial)
	team.Do(len(t.partial), t)
	for i := range t.partial {
		first := &t.partial[i/(t.strips*a.N)*t.strips*a.N]
		if part := &t.partial[i]; part != first {
			first.add(part)
		}
	}
}

func (t *dotsTask) end() {
	t.a, t.b = Tensor{}, Tensor{}
	dotsTasks.give(t)
}

func (d *dots) add(o *dots) {
	for l := range Block {
		d.sum[l] += o.sum[l]
		d.dot[l] += o.dot[l]
	}
}

func (t *dotsTask) Item(item int) {
	plane, strip := item/t.strips, item%t.strips
	block, n := plane/t.a.N, plane%t.a.N
	for y := strip * t.height; y < min(t.a.H, (strip+1)*t.height); y++ {
		dotsRow(t.isa, &dotsArgs{
			a: pixel(&t.a, n, block, y, 0), b: pixel(&t.b, n, block, y, 0),
			out: unsafe.Pointer(&t.partial[item]), pixels: int64(t.a.W),
		})
	}
}
