package stitch

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawEvidence(t *rapid.T) evidence {
	mm2 := rapid.Float64Range(0, 500)
	e := evidence{cutoff: 0.5, weighted: mm2.Draw(t, "weighted")}
	e.areas = Areas{AnalysedMM2: mm2.Draw(t, "analysed"), NotAnalysedMM2: mm2.Draw(t, "not analysed")}
	status := rapid.SampledFrom([]string{CheckPassed, CheckWarned, CheckFailed})
	for range rapid.IntRange(0, 3).Draw(t, "checks") {
		e.checks = append(e.checks, Check{Check: "focus", Status: status.Draw(t, "status")})
	}
	return e
}

// TestTriageOnlyRises: whatever is worse about a slide never moves it down the worklist.
func TestTriageOnlyRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvidence(t)
		before := e.triage().Score
		if before < 0 || before > 1 {
			t.Fatalf("score %g", before)
		}
		worse := e
		switch rapid.IntRange(0, 2).Draw(t, "what gets worse") {
		case 0:
			worse.weighted += rapid.Float64Range(0, 100).Draw(t, "more")
		case 1:
			moved := rapid.Float64Range(0, e.areas.AnalysedMM2).Draw(t, "moved")
			worse.areas.AnalysedMM2 -= moved
			worse.areas.NotAnalysedMM2 += moved
		case 2:
			worse.checks = append(worse.checks, Check{Check: "pen", Status: CheckFailed})
		}
		if after := worse.triage().Score; after < before {
			t.Fatalf("score fell from %g to %g", before, after)
		}
	})
}

// TestTriageInWords: the reason says what a person has to know, and never that nothing is there.
func TestTriageInWords(t *testing.T) {
	lesion := Lesion{LongestMM: 2.5}
	for name, c := range map[string]struct {
		e    evidence
		want []string
	}{
		"carcinoma": {
			evidence{areas: Areas{CarcinomaMM2: 1.5, CarcinomaFraction: 0.081, AnalysedMM2: 18.5}, lesions: []Lesion{lesion, {LongestMM: 1}}},
			[]string{"1.50 mm²", "8.1 %", "2 lesions", "2.50 mm"},
		},
		"foci only": {evidence{areas: Areas{CarcinomaMM2: 0.0004, AnalysedMM2: 3}, foci: 1}, []string{"400 µm²", "1 focus"}},
		"nothing":   {evidence{areas: Areas{AnalysedMM2: 34.2}, cutoff: 0.5}, []string{"no carcinoma above the threshold of 0.50", "not a negative diagnosis"}},
		"unseen":    {evidence{areas: Areas{AnalysedMM2: 3, NotAnalysedMM2: 1}}, []string{"25 % of possible tissue not analysed"}},
		"no tissue": {evidence{}, []string{"no tissue", "100 %"}},
		"bad slide": {evidence{areas: Areas{AnalysedMM2: 3}, checks: []Check{{Check: "blurred_share", Status: CheckWarned, Value: 0.4}}}, []string{"blurred share"}},
	} {
		t.Run(name, func(t *testing.T) {
			reason := c.e.triage().RankReason
			for _, want := range c.want {
				if !strings.Contains(reason, want) {
					t.Errorf("%q does not say %q", reason, want)
				}
			}
		})
	}
	if score := (evidence{}).triage().Score; score != 1 {
		t.Errorf("a slide on which nothing was seen scores %g", score)
	}
}
