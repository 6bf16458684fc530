package stitch

import (
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/qc"
)

// Every check that quality control or the stitcher makes has words without its name in code.
func TestChecksHaveWords(t *testing.T) {
	checks := []Check{
		{"coverage", CheckFailed, "3 of 4 regions proved"}, {"scale_um_per_px", CheckFailed, 0.0}, {"tissue_mm2", CheckWarned, 0.01},
		{checkUnlikeShare, CheckWarned, 0.25}, {checkUnlikeShare, CheckWarned, "not known: no fingerprint"}, {checkDistance, CheckFailed, "1.70 of the limit in the middle"},
	}
	for _, l := range qc.Limits() {
		checks = append(checks, Check{l.Check, CheckWarned, 0.25})
	}
	for _, c := range checks {
		words := c.Words()
		if words == "" || strings.ContainsAny(words, "_%!") && !strings.Contains(words, " %") || strings.Contains(words, c.Check) && strings.Contains(c.Check, "_") {
			t.Errorf("%s: %q", c.Check, words)
		}
		if c.Status = CheckPassed; c.Words() != "" {
			t.Errorf("%s passed and is said all the same", c.Check)
		}
	}
	if got := (Check{"blurred_share", CheckWarned, 0.234}).Words(); !strings.HasPrefix(got, "23") || !strings.Contains(got, "out of focus") {
		t.Errorf("%q", got)
	}
	if got := (Check{"of_tomorrow", CheckWarned, 3.0}).Words(); got != "of tomorrow: warn (3)" {
		t.Errorf("%q", got)
	}
}
