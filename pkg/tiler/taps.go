package tiler

// A tap table says which source pixels make an output pixel, and with which integer weights.

// Fixed-point formats. Positions are 32.32; 2^20 model pixels at a ratio below 4 keep products below
// 2^55. Weights sum to exactly 2^14, so that 8-bit pixels gain 14 bits in each direction.
const (
	positionBits = 32
	weightBits   = 14
	one          = int64(1) << positionBits
	weightOne    = int64(1) << weightBits
)

// taps are the weights of a run of output coordinates along one axis.
type taps struct {
	n      int     // taps of each output, the unused ones weigh 0
	at     []int32 // n source coordinates per output, clamped to the level
	weight []int32 // n weights per output, sum weightOne
	lo, hi int     // half-open range of source coordinates in at
}

// newTaps computes the taps of outputs [from, to) with ratio source pixels per output pixel in a
// source of size pixels. Each output's taps depend on its own coordinate only, never on from or to,
// and no floating-point operation is involved: canvases cut differently, or on other processors,
// agree to the bit.
//
// The filter is a triangle around the output pixel's centre that reaches one output pixel, or one
// source pixel if that is more, to each side: bilinear interpolation when enlarging, and twice the
// output pixel's width when shrinking, which keeps what the model's scale cannot show from aliasing.
func newTaps(from, to int, ratio int64, size int) taps {
	radius := max(ratio, one)
	t := taps{n: int((2*radius-1)>>positionBits) + 1, lo: size, hi: 0}
	t.at = make([]int32, 0, (to-from)*t.n)
	t.weight = make([]int32, 0, (to-from)*t.n)
	for x := from; x < to; x++ {
		t.add(x, ratio, radius, size)
	}
	return t
}

// maxTaps is the number of taps at the largest ratio, which is below 4: a level is at most twice as
// fine as the model along one axis, and scales differ by at most a tenth along the other.
const maxTaps = 8

func (t *taps) add(x int, ratio, radius int64, size int) {
	centre := (int64(2*x+1)*ratio - one) >> 1 // in units where source pixel i has its centre at i
	first := (centre-radius)>>positionBits + 1
	var buf [maxTaps]int64
	weights := buf[:t.n]
	for i := range weights {
		weights[i] = max(0, radius-abs((first+int64(i))<<positionBits-centre))
	}
	normalise(weights)
	for i, w := range weights {
		at := min(max(int(first)+i, 0), size-1)
		t.at = append(t.at, int32(at))
		t.weight = append(t.weight, int32(w))
		t.lo, t.hi = min(t.lo, at), max(t.hi, at+1)
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

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}
