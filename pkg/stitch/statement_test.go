package stitch

import (
	"slices"
	"testing"
)

// A slide on which nobody has looked at tissue says so, and why; one that was looked at says nothing.
func TestNoStatement(t *testing.T) {
	blurred := func(share any) []Check {
		return []Check{{Check: checkBlurred, Status: CheckWarned, Value: share}}
	}
	for name, c := range map[string]struct {
		areas  *Areas
		checks []Check
		want   string
	}{
		"looked at":             {&Areas{AnalysedMM2: 9, UncertainMM2: 8, NotAnalysedMM2: 9}, blurred(0.9), ""},
		"no areas":              {nil, nil, "nothing analysed"},
		"glass":                 {&Areas{}, nil, "no tissue found"},
		"glass, half scanned":   {&Areas{NotAnalysedMM2: 50, NotAnalysed: NotAnalysed{UnscannedMM2: 50}}, nil, "no tissue found in what was scanned"},
		"far out of focus":      {&Areas{NotAnalysedMM2: 9, NotAnalysed: NotAnalysed{BlurredMM2: 9}}, blurred(1.0), "all out of focus"},
		"ink and blur":          {&Areas{NotAnalysedMM2: 9, NotAnalysed: NotAnalysed{BlurredMM2: 6, PenMM2: 3}}, nil, "all of it pen on the glass or far out of focus"},
		"ink and not scanned":   {&Areas{NotAnalysedMM2: 9, NotAnalysed: NotAnalysed{UnscannedMM2: 6, PenMM2: 3}}, nil, "all of it pen on the glass"},
		"out of focus":          {&Areas{AnalysedMM2: 4, NotAnalysedMM2: 5}, blurred(0.996), "all out of focus"},
		"focus unknown":         {&Areas{AnalysedMM2: 4}, blurred("not known"), ""},
		"like nothing known":    {&Areas{AnalysedMM2: 4, UncertainMM2: 3.99}, nil, "all of it uncertain"},
		"mostly hidden":         {&Areas{AnalysedMM2: 4, NotAnalysedMM2: 5, NotAnalysed: NotAnalysed{BubbleMM2: 5}}, nil, "most of it not analysed"},
		"mostly left out glass": {&Areas{AnalysedMM2: 4, NotAnalysedMM2: 50, NotAnalysed: NotAnalysed{UnscannedMM2: 48, PenMM2: 2}}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Report{Status: Done, Areas: c.areas, QC: c.checks}
			if got := r.NoStatement(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// The warnings are those of the checks that did not pass, in their order.
func TestWarnings(t *testing.T) {
	checks := []Check{{"pen_share", CheckWarned, 0.25, ""}, {"bubble_share", CheckPassed, 0.0, ""}, {checkBlurred, CheckFailed, 0.5, ""}}
	if got, want := (&Report{QC: checks}).Warnings(), []string{checks[0].Words(), checks[2].Words()}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
