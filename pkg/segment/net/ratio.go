package net

import (
	"fmt"
	"math"
)

// Ratio is a positive fraction in lowest terms.
type Ratio struct{ Num, Den int64 }

func (r Ratio) String() string {
	if r.Den == 1 {
		return fmt.Sprint(r.Num)
	}
	return fmt.Sprintf("%d/%d", r.Num, r.Den)
}

// maxRatio bounds both terms, so that products of a coordinate and four terms stay inside int64.
const maxRatio = 1 << 12

func (r Ratio) times(num, den int64) (Ratio, *NodeError) {
	n, d := r.Num*num, r.Den*den
	g := gcd(n, d)
	n, d = n/g, d/g
	if n > maxRatio || d > maxRatio {
		return Ratio{}, fault("", "total stride %d/%d is beyond %d", n, d, maxRatio)
	}
	return Ratio{n, d}, nil
}

// fraction is the exact value of a scale, if its terms are small. A float of 1/3 is not exact.
func fraction(scale float64) (Ratio, bool) {
	for den := int64(1); den <= 64; den *= 2 {
		v := scale * float64(den)
		if v == math.Trunc(v) && v >= 1 && v <= maxRatio {
			return Ratio{int64(v), den}, true
		}
	}
	return Ratio{}, false
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func lcm(a, b int64) int64 { return a / gcd(a, b) * b }
