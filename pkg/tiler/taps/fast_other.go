//go:build !amd64

package taps

// fast is what tests ask for.
var fast = false

func (t *Table) acrossFast([]Colour, []uint8) int { return 0 }

func downFast([]uint8, [][]Colour, []int16) int { return 0 }
