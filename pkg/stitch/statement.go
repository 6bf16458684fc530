package stitch

import "strings"

// nearlyAll is the share that is said to be 100 %: a few cells at the border of something make no slide.
const nearlyAll = 0.995

// checkBlurred is quality control's check of how much of the tissue is out of focus, far or not.
const checkBlurred = "blurred_share"

// NoStatement says in a few words why a run that is done is no statement on its slide, or nothing if it is one. Such a
// slide has no carcinoma because nobody has looked: who says that it is done says this with it.
func (r *Report) NoStatement() string {
	switch a := r.Areas; {
	case a == nil:
		return "nothing analysed"
	case a.AnalysedMM2 == 0:
		return a.NotAnalysed.instead()
	case r.blurred() >= nearlyAll:
		return "all out of focus"
	case a.UncertainMM2 >= nearlyAll*a.AnalysedMM2:
		return "all of it uncertain"
	case a.NotAnalysedMM2-a.NotAnalysed.UnscannedMM2 > a.AnalysedMM2: // what a scanner leaves out is nearly always glass
		return "most of it not analysed"
	}
	return ""
}

// Unseen reports a run that has looked at no tissue.
func (r *Report) Unseen() bool { return r.Areas == nil || r.AnalysedMM2 == 0 }

// instead says what a slide is on which no tissue was analysed.
func (n NotAnalysed) instead() string {
	unscanned := n.UnscannedMM2
	n.UnscannedMM2 = 0
	reasons := n.Reasons()
	switch {
	case len(reasons) == 0 && unscanned > 0:
		return "no tissue found in what was scanned"
	case len(reasons) == 0:
		return "no tissue found"
	case len(reasons) == 1 && n.BlurredMM2 > 0:
		return "all out of focus"
	}
	words := make([]string, len(reasons))
	for i, why := range reasons {
		words[i] = why.Words
	}
	return "all of it " + strings.Join(words, " or ")
}

// blurred is the share of the tissue that is out of focus, as far as that was measured.
func (r *Report) blurred() float64 {
	for _, c := range r.QC {
		if share, measured := c.Value.(float64); measured && c.Check == checkBlurred {
			return share
		}
	}
	return 0
}

// Warnings are the checks that did not pass, in words.
func (r *Report) Warnings() (lines []string) {
	for _, c := range r.QC {
		if c.Status != CheckPassed {
			lines = append(lines, c.Words())
		}
	}
	return lines
}
