package kernel

import (
	"sync/atomic"
	"time"
)

// peakTask runs the peak kernel on each thread.
type peakTask struct {
	isa    ISA
	rounds int64
}

func (t *peakTask) Item(int) { peak(t.isa, t.rounds) }

// PeakGFLOPS measures what the arithmetic units give at most: the variant's multiply-adds on registers
// alone, on so many threads at once, the best of some short runs. It takes about a tenth of a second.
func PeakGFLOPS(threads int) float64 {
	team := NewTeam(threads)
	defer team.Close()
	threads = team.Threads()
	t := &peakTask{Variant(), 200_000}
	if t.isa == Generic {
		t.rounds /= 20
	}
	best := time.Duration(1<<63 - 1)
	for range 20 {
		start := time.Now()
		team.Do(threads, t)
		best = min(best, time.Since(start))
	}
	return float64(peakFLOPs(t.isa)) * float64(t.rounds) * float64(threads) / best.Seconds() / 1e9
}

// peakGeneric does 24 multiply-adds in each round.
func peakGeneric(rounds int64) {
	var sums [24]float32
	x := float32(rounds) * 1e-20
	for range rounds {
		for i := range sums {
			sums[i] = fma(x, x, sums[i])
		}
	}
	peakSink.Store(uint32(sums[0] + sums[23]))
}

// peakSink keeps the compiler from dropping the sums.
var peakSink atomic.Uint32
