package nn

import "fmt"

// StateSlice is one named part of a trainer's state; exactly one of F32 and F64 is set.
type StateSlice struct {
	Name string
	F32  []float32
	F64  []float64
}

// State is everything that a bit-exact resume needs: parameters, running statistics, the solver's
// moments and its step, in a stable order. The slices are live: copy or write them before the
// next Step.
func (t *Trainer) State() []StateSlice {
	var s []StateSlice
	for _, p := range t.Params() {
		s = append(s, StateSlice{Name: p.Name, F32: p.Data})
	}
	for i, p := range t.params {
		s = append(s,
			StateSlice{Name: "adam.m/" + p.Name, F32: t.solver.m[i]},
			StateSlice{Name: "adam.v/" + p.Name, F32: t.solver.v[i]})
	}
	return append(s, StateSlice{Name: "adam.step", F64: t.solver.step})
}

// Restore puts a state back. It changes nothing unless every part fits.
func (t *Trainer) Restore(state []StateSlice) error {
	own := t.State()
	if len(state) != len(own) {
		return fmt.Errorf("restore trainer: %d parts, want %d: the state is of another network", len(state), len(own))
	}
	for i, s := range state {
		o := own[i]
		if s.Name != o.Name || len(s.F32) != len(o.F32) || len(s.F64) != len(o.F64) {
			return fmt.Errorf("restore trainer: part %d is %s (%d, %d), want %s (%d, %d): the state is of another network",
				i, s.Name, len(s.F32), len(s.F64), o.Name, len(o.F32), len(o.F64))
		}
	}
	for i, s := range state {
		copy(own[i].F32, s.F32)
		copy(own[i].F64, s.F64)
	}
	return nil
}
