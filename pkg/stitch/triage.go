package stitch

import (
	"fmt"
	"strings"
)

// Triage orders a worklist. A higher score is looked at earlier; no score means "need not be looked
// at".
type Triage struct {
	Score      float64 `json:"score"`
	RankReason string  `json:"rank_reason"`
}

// The constants of the score. It is
//
//	1 − (1−c)·(1−n)·(1−q)
//
// with c = carcinoma / (carcinoma + 0.1 mm²), the area in the mask weighted by its probability;
// n = the share of possible tissue that was not analysed or is uncertain; q = 0.5 if a check failed, 0.2 if one
// warned. Each part only ever raises it: more carcinoma, surer carcinoma, more that nobody saw, a
// worse slide. A slide without result scores 1. Half weight at 0.1 mm² puts a focus of 0.2 mm
// diameter, the smallest micrometastasis, at 0.24, above a slide with nothing, and everything from
// 1 mm² on near the top.
const (
	halfCarcinomaMM2 = 0.1
	failedCheck      = 0.5
	warnedCheck      = 0.2
)

// evidence is what the score depends on.
type evidence struct {
	areas    Areas
	weighted float64 // carcinoma in mm², weighted by its probability
	lesions  []Lesion
	foci     int // components smaller than a lesion
	checks   []Check
	cutoff   float64
}

func (e evidence) triage() Triage {
	c := e.weighted / (e.weighted + halfCarcinomaMM2)
	score := 1 - (1-c)*(1-e.unseen())*(1-worst(e.checks))
	return Triage{micro(score), e.reason()}
}

// unseen is the share of everything that might be tissue which was not analysed.
func (e evidence) unseen() float64 {
	all := e.areas.AnalysedMM2 + e.areas.NotAnalysedMM2
	if all == 0 {
		return 1 // nothing was seen at all
	}
	return min(1, (e.areas.NotAnalysedMM2+e.areas.UncertainMM2)/all)
}

func worst(checks []Check) (q float64) {
	for _, c := range checks {
		switch c.Status {
		case CheckFailed:
			q = max(q, failedCheck)
		case CheckWarned:
			q = max(q, warnedCheck)
		}
	}
	return q
}

// reason says in words what put the slide where it is.
func (e evidence) reason() string {
	parts := []string{e.finding()}
	if all := e.areas.AnalysedMM2 + e.areas.NotAnalysedMM2; e.areas.NotAnalysedMM2 > 0 || all == 0 {
		parts = append(parts, percent(share(e.areas.NotAnalysedMM2, all))+" of possible tissue not analysed")
	}
	if unlikeTraining(e.checks) {
		parts = append(parts, percent(share(e.areas.UncertainMM2, e.areas.AnalysedMM2))+" of analysed tissue uncertain, "+Unlike)
	}
	var bad []string
	for _, c := range e.checks {
		if said := unlikeTraining(e.checks) && (c.Check == checkDistance || c.Check == checkUnlikeShare); said {
			continue
		}
		if c.Status == CheckFailed || c.Status == CheckWarned {
			bad = append(bad, plainName(c.Check))
		}
	}
	if len(bad) > 0 {
		parts = append(parts, "quality to be checked: "+strings.Join(bad, ", "))
	}
	return strings.Join(parts, "; ")
}

// plainName is a check's name as a person reads it.
func plainName(check string) string {
	return strings.NewReplacer("_um_per_px", " (µm per pixel)", "_mm2", " (mm²)", "_", " ").Replace(check)
}

func (e evidence) finding() string {
	switch {
	case len(e.lesions) > 0:
		return fmt.Sprintf("%s of carcinoma (%s) in %s, the largest %s across",
			mm2(e.areas.CarcinomaMM2), e.part(), count(len(e.lesions), "lesion", "lesions"), millimetres(longest(e.lesions)))
	case e.foci > 0:
		return fmt.Sprintf("%s of carcinoma in %s below the size of a lesion", mm2(e.areas.CarcinomaMM2), count(e.foci, "focus", "foci"))
	case e.areas.AnalysedMM2 == 0:
		return "nothing was analysed: " + e.areas.NotAnalysed.instead()
	}
	if e.areas.ScoredMM2() <= 0 {
		return "nothing above the threshold, but all tissue is uncertain: no statement"
	}
	return fmt.Sprintf("no carcinoma above the threshold of %.2f in %s; this is not a negative diagnosis", e.cutoff, mm2(e.areas.ScoredMM2()))
}

// part says how much of the tissue is carcinoma, as far as that can be said.
func (e evidence) part() string {
	a := e.areas
	switch {
	case a.ScoredMM2() <= 0:
		return "all of it uncertain"
	case a.UncertainCarcinomaMM2 > 0:
		return fmt.Sprintf("%s of it uncertain, the rest %s of the other tissue", mm2(a.UncertainCarcinomaMM2), percent(a.CarcinomaFraction))
	}
	return percent(a.CarcinomaFraction) + " of analysed tissue"
}

// share of a whole that may be nothing: then all is missing.
func share(part, all float64) float64 {
	if all == 0 {
		return 1
	}
	return part / all
}

func longest(lesions []Lesion) (mm float64) {
	for _, l := range lesions {
		mm = max(mm, l.LongestMM)
	}
	return mm
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// mm2 writes an area with the digits that a person reads.
func mm2(v float64) string {
	switch {
	case v == 0:
		return "0 mm²"
	case v < 0.01:
		return fmt.Sprintf("%.0f µm²", v*1e6)
	case v < 1:
		return fmt.Sprintf("%.3f mm²", v)
	case v < 100:
		return fmt.Sprintf("%.2f mm²", v)
	}
	return fmt.Sprintf("%.0f mm²", v)
}

func millimetres(v float64) string {
	if v < 1 {
		return fmt.Sprintf("%.0f µm", v*1000)
	}
	return fmt.Sprintf("%.2f mm", v)
}

func percent(share float64) string {
	switch v := 100 * share; {
	case v == 0 || v >= 20: // limits lie below
		return fmt.Sprintf("%.0f %%", v)
	case v < 0.01:
		return "less than 0.01 %"
	case v < 1:
		return fmt.Sprintf("%.2f %%", v)
	default:
		return fmt.Sprintf("%.1f %%", v)
	}
}
