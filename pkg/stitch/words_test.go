package stitch

import (
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/qc"
)

// Every check that quality control or the stitcher makes has words without its name in code.
func TestChecksHaveWords(t *testing.T) {
	check := func(name, status string, value any) Check { return Check{Check: name, Status: status, Value: value} }
	checks := []Check{
		check("coverage", CheckFailed, "3 of 4 regions proved"), check("scale_um_per_px", CheckFailed, 0.0), check("tissue_mm2", CheckWarned, 0.01), check(checkOverruled, CheckWarned, "0.25 and 0.5 µm per pixel"),
		check(checkUnlikeShare, CheckWarned, 0.25), check(checkUnlikeShare, CheckWarned, "not known: no fingerprint"), check(checkDistance, CheckFailed, "median distance 1.70, where 1 is the limit"),
	}
	for _, l := range qc.Limits() {
		checks = append(checks, check(l.Check, CheckWarned, 0.25))
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
	if got := check("blurred_share", CheckWarned, 0.234).Words(); !strings.HasPrefix(got, "23") || !strings.Contains(got, "out of focus") {
		t.Errorf("%q", got)
	}
	distance := check(checkDistance, CheckFailed, sighted{median: 1.7}.distance(CheckFailed)).Words()
	if strings.Count(distance, "read with care") != 1 || !strings.Contains(distance, "1.70") {
		t.Errorf("%q", distance)
	}
	if got := check("of_tomorrow", CheckWarned, 3.0).Words(); got != "of tomorrow: warn (3)" {
		t.Errorf("%q", got)
	}
}

// The words of a check are in report.json for the viewer, and in no sum: reports without them stay proved.
func TestWordsAreInNoSum(t *testing.T) {
	r := &Report{QC: inWords([]Check{{Check: "pen_share", Status: CheckWarned, Value: 0.25}, {Check: "bubble_share", Status: CheckPassed, Value: 0.0}})}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Count(text, `"words":`) != 1 || !strings.Contains(text, "clean the glass") {
		t.Errorf("%s", text)
	}
	with, err := reportSum(r)
	if err != nil {
		t.Fatal(err)
	}
	if r.QC[0].Said == "" {
		t.Error("the sum took the words away")
	}
	r.QC[0].Said = ""
	if without, err := reportSum(r); err != nil || without != with {
		t.Errorf("%s with words, %s without, %v", with, without, err)
	}
}
