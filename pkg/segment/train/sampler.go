package train

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// sampler draws the cases of an epoch: groups in given proportions, and within a group every case once
// before any comes twice. What epoch e holds depends on the seed and e alone.
type sampler struct {
	seed   uint64
	groups []sampleGroup
}

type sampleGroup struct {
	cases []int
	share float64 // of the epoch; the shares add up to 1
}

// newSampler weighs groups; a group without a weight is drawn as often as its size says, and nil
// weights mean that for all.
func newSampler(seed uint64, cases []Case, weights map[string]float64) (*sampler, error) {
	byGroup := map[string][]int{}
	for i, c := range cases {
		byGroup[c.Group] = append(byGroup[c.Group], i)
	}
	names := make([]string, 0, len(byGroup))
	for name := range byGroup {
		names = append(names, name)
	}
	slices.Sort(names)
	s := &sampler{seed: seed}
	total := 0.0
	for _, name := range names {
		w, ok := weights[name]
		if !ok {
			w = 1
		}
		if w < 0 {
			return nil, fmt.Errorf("group %q has weight %g; weights are not negative", name, w)
		}
		share := w * float64(len(byGroup[name]))
		total += share
		s.groups = append(s.groups, sampleGroup{cases: byGroup[name], share: share})
	}
	if total == 0 {
		return nil, errors.New("nothing to draw: no cases, or every weight is zero")
	}
	for i := range s.groups {
		s.groups[i].share /= total
	}
	return s, nil
}

// Streams of random numbers, so that none is drawn twice for two purposes.
const (
	streamOrder = iota + 1
	streamSample
	streamInit
)

// random is the generator of one purpose, epoch and index.
func random(seed uint64, stream, epoch, index int) *rand.Rand {
	return rand.New(rand.NewPCG(seed^uint64(stream)<<56, uint64(epoch)<<32|uint64(uint32(index))))
}

// epoch lists the cases of one epoch of n samples.
func (s *sampler) epoch(epoch, n int) []int {
	r := random(s.seed, streamOrder, epoch, 0)
	order := make([]int, 0, n)
	owed := 0.0
	for _, g := range s.groups {
		owed += g.share * float64(n)
		order = append(order, g.take(r, int(owed+0.5)-len(order))...)
	}
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// take draws k cases: whole rounds of all, and the rest from a round of its own.
func (g sampleGroup) take(r *rand.Rand, k int) []int {
	taken := make([]int, 0, k)
	for len(taken) < k {
		round := slices.Clone(g.cases)
		r.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		taken = append(taken, round[:min(k-len(taken), len(round))]...)
	}
	return taken
}
