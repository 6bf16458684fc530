// Package taps is the filter that brings a level of the pyramid to the model's scale: tables that say which source
// pixels make an output pixel, with which whole weights, and the loops that apply them along rows and columns.
// It knows pixels and coordinates only: no slides, tiles or models.
//
// The loops are written twice, in portable Go and for AVX2 (gen writes the assembly, by avo); both are
// whole-number arithmetic without a carry lost, so that all processors make the same pixels.
package taps

//go:generate go run ./gen -out taps_amd64.s -stubs taps_amd64.go -pkg taps

// Fixed-point formats. Positions are 32.32; 2^20 model pixels at a ratio below 4 keep products below
// 2^55. Weights sum to exactly 2^14, so that 8-bit pixels gain 14 bits in each direction.
const (
	PositionBits = 32
	weightBits   = 14
	one          = int64(1) << PositionBits
	weightOne    = int64(1) << weightBits
)

// Table holds the taps of a run of output coordinates along one axis. It is not changed after New.
type Table struct {
	// Lo and Hi are the half-open range of source coordinates that are read.
	Lo, Hi int

	used   int     // taps of an output
	stride int     // places for them in weight; what is not used weighs 0
	first  []int32 // the coordinate of each output's first tap, as a distance from start; never less than the one before
	weight []int16 // sum weightOne
	start  int     // of a line: taps beyond the source repeat its outermost pixels
	end    int
	size   int // of the source
}

// fewTaps is the number of taps for which there are places at least, and the most that the assembly takes: enough
// for a level up to twice as fine as the model.
const fewTaps = 4

// maxTaps is the number of taps at the largest ratio, which is below 4: a level is at most twice as
// fine as the model along one axis, and scales differ by at most a tenth along the other.
const maxTaps = 8

// New computes the taps of outputs [from, to) with ratio source pixels per output pixel in a
// source of size pixels. Each output's taps depend on its own coordinate only, never on from or to,
// and no floating-point operation is involved: canvases cut differently, or on other processors,
// agree to the bit.
//
// The filter is a triangle around the output pixel's centre that reaches one output pixel, or one
// source pixel if that is more, to each side: bilinear interpolation when enlarging, and twice the
// output pixel's width when shrinking, which keeps what the model's scale cannot show from aliasing.
func New(from, to int, ratio int64, size int) *Table {
	radius := max(ratio, one)
	used := int((2*radius-1)>>PositionBits) + 1
	t := &Table{used: used, stride: max(used, fewTaps), size: size}
	t.first = make([]int32, 0, to-from)
	t.weight = make([]int16, 0, (to-from)*t.stride)
	for x := from; x < to; x++ {
		t.add(x, ratio, radius)
	}
	begin, last := int(t.first[0]), int(t.first[len(t.first)-1])+used
	t.Lo, t.Hi = t.clamp(begin), t.clamp(last-1)+1
	t.start, t.end = min(begin, t.Lo), max(last, t.Hi)
	for i := range t.first {
		t.first[i] -= int32(t.start)
	}
	return t
}

// clamp is the coordinate of the source that stands for any coordinate.
func (t *Table) clamp(at int) int { return min(max(at, 0), t.size-1) }

func (t *Table) add(x int, ratio, radius int64) {
	centre := (int64(2*x+1)*ratio - one) >> 1 // in units where source pixel i has its centre at i
	first := (centre-radius)>>PositionBits + 1
	var buf [maxTaps]int64
	weights := buf[:t.used]
	for i := range weights {
		away := (first+int64(i))<<PositionBits - centre
		weights[i] = max(0, radius-max(away, -away))
	}
	normalise(weights)
	t.first = append(t.first, int32(first))
	for _, w := range buf[:t.stride] {
		t.weight = append(t.weight, int16(w))
	}
}

// normalise scales the weights to a sum of exactly weightOne; what rounding down leaves goes to the
// largest, the first of equals.
func normalise(weights []int64) {
	var sum int64
	largest := 0
	for i, w := range weights {
		sum += w
		if w > weights[largest] {
			largest = i
		}
	}
	left := weightOne
	for i, w := range weights {
		weights[i] = w * weightOne / sum
		left -= weights[i]
	}
	weights[largest] += left
}
