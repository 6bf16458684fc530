package jobs

import (
	"fmt"
	"slices"
)

// Priority orders jobs. A job waits only for those of its own priority and above.
type Priority string

const (
	Stat    Priority = "stat"    // the patient is on the table
	Urgent  Priority = "urgent"  // today
	Routine Priority = "routine" // tonight
)

// Priorities lists all, the most urgent first.
func Priorities() []Priority { return []Priority{Stat, Urgent, Routine} }

// Stages lists all stages in the order of the flow.
func Stages() []Stage { return []Stage{Tile, Segment, Stitch} }

// ParsePriority reads a priority; empty text is Routine.
func ParsePriority(text string) (Priority, error) {
	p := Priority(text).Known()
	if !slices.Contains(Priorities(), p) {
		return "", fmt.Errorf("priority %.20q: want routine, urgent or stat", text)
	}
	return p, nil
}

// Known spells the zero value out.
func (p Priority) Known() Priority {
	if p == "" {
		return Routine
	}
	return p
}
