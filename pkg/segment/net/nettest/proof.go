package nettest

import (
	"math"
	"math/rand/v2"
)

// Proofs condenses values to a few projections on fixed noise, and their range. Two lists of values
// that differ somewhere by d differ in most projections by about d: a short golden of a long answer.
func Proofs(values []float32) (proofs []float64, span float64) {
	rng := rand.New(rand.NewPCG(17, 4))
	proofs = make([]float64, 4)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = math.Min(lo, float64(v)), math.Max(hi, float64(v))
		for k := range proofs {
			proofs[k] += rng.NormFloat64() * float64(v)
		}
	}
	return proofs, hi - lo
}
