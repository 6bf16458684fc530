package net

import "math"

// Tap says how one output coordinate of a resize is made along one axis:
// (1−Frac)·in[Lo] + Frac·in[Hi]. Nearest has Lo == Hi and Frac 0.
type Tap struct {
	Lo, Hi int
	Frac   float32
}

// Axis chooses rows or columns.
type Axis uint8

const (
	Vertical Axis = iota
	Horizontal
)

// Taps lists the taps of every output coordinate along one axis, for in pixels made into out.
//
// Where the scale is an exact fraction the coordinates are computed exactly, so that the taps repeat
// with the scale's period wherever a region lies. Elsewhere they follow ONNX Runtime's float32
// arithmetic step by step.
func (op *Resize) Taps(axis Axis, in, out int) []Tap {
	taps := make([]Tap, out)
	ratio, exact := fraction(op.scale(axis))
	for o := range taps {
		if exact && op.Coord != AlignCorners && !(op.Coord == PytorchHalfPixel && out == 1) {
			taps[o] = op.exactTap(int64(o), ratio, in)
		} else {
			taps[o] = op.tap(op.coordinate(axis, o, in, out), in)
		}
	}
	return taps
}

// scale is the stated factor of an axis, 0 if the size is stated instead.
func (op *Resize) scale(axis Axis) float64 {
	switch {
	case op.Size != (Pair{}):
		return 0
	case axis == Vertical:
		return op.ScaleY
	}
	return op.ScaleX
}

// exactTap computes the coordinate as a fraction num/den.
func (op *Resize) exactTap(o int64, scale Ratio, in int) Tap {
	num, den := o*scale.Den, scale.Num // asymmetric: o / scale
	if op.Coord != Asymmetric {
		num, den = (2*o+1)*scale.Den-scale.Num, 2*scale.Num // (o + 1/2) / scale − 1/2
	}
	if op.Mode == Nearest {
		i := clamp(int(roundRatio(num, den, op.Round)), in)
		return Tap{Lo: i, Hi: i}
	}
	lo := floorDiv(num, den)
	return linearTap(int(lo), float32(num-lo*den)/float32(den), in)
}

// linearTap repeats the border pixel beyond the borders.
func linearTap(lo int, frac float32, in int) Tap {
	if lo < 0 {
		lo, frac = 0, 0
	}
	if lo >= in-1 {
		return Tap{Lo: in - 1, Hi: in - 1}
	}
	return Tap{Lo: lo, Hi: lo + 1, Frac: frac}
}

// coordinate is ONNX Runtime's: float32 throughout. The conversions forbid fused multiply-add.
func (op *Resize) coordinate(axis Axis, o, in, out int) float32 {
	scale := float32(op.scale(axis))
	if scale == 0 {
		scale = float32(out) / float32(in)
	}
	x := float32(o)
	switch {
	case op.Coord == Asymmetric:
		return x / scale
	case op.Coord == AlignCorners && out == 1, op.Coord == PytorchHalfPixel && out == 1:
		return 0
	case op.Coord == AlignCorners:
		return float32(x*float32(in-1)) / float32(out-1)
	}
	return float32((x+0.5)/scale) - 0.5
}

func (op *Resize) tap(x float32, in int) Tap {
	if op.Mode == Nearest {
		i := clamp(int(roundFloat(x, op.Round)), in)
		return Tap{Lo: i, Hi: i}
	}
	lo := float32(math.Floor(float64(x)))
	return linearTap(int(lo), x-lo, in)
}

func clamp(i, size int) int { return max(0, min(i, size-1)) }

func roundFloat(x float32, mode RoundMode) float64 {
	v := float64(x)
	switch mode {
	case Floor:
		return math.Floor(v)
	case Ceil:
		return math.Ceil(v)
	}
	lo := math.Floor(v)
	if math.Abs(v-lo-0.5) < 1e-6 { // ONNX Runtime forgives its own rounding errors here
		if mode == RoundPreferFloor {
			return lo
		}
		return lo + 1
	}
	return math.Floor(v + 0.5)
}

func roundRatio(num, den int64, mode RoundMode) int64 {
	switch mode {
	case Floor:
		return floorDiv(num, den)
	case Ceil:
		return -floorDiv(-num, den)
	case RoundPreferFloor:
		return -floorDiv(-(2*num - den), 2*den)
	}
	return floorDiv(2*num+den, 2*den)
}

// floorDiv rounds down; den is positive.
func floorDiv(num, den int64) int64 {
	q := num / den
	if num%den < 0 {
		q--
	}
	return q
}
