package tiler

import (
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/qc"
	"github.com/slidemill/slidemill/pkg/slide"
)

// QC is one check of a slide's quality, in the form of the report. The limits are pkg/qc's.
type QC = qc.Finding

// The verdicts.
const (
	Pass = qc.Pass
	Warn = qc.Warn
	Fail = qc.Fail
)

// Check judges a slide that was cut and searched for tissue.
func Check(info slide.Info, r *Result, s TissueSummary) []QC {
	pixels := float64(max(r.Pyramid.Size.Pixels(), 1))
	var unreadable int64
	for _, b := range r.Unreadable {
		unreadable += int64(b.Dx()) * int64(b.Dy())
	}
	tissue := checkTissue(s)
	return slices.Concat( // in the order in which one reads: what there is, what was not seen, what spoils it
		[]QC{qc.Judge(qc.Scale, scale(info.MPP))}, tissue[:1],
		[]QC{qc.Judge(qc.Unscanned, float64(r.Unscanned-unreadable)/pixels), qc.Judge(qc.Unreadable, float64(unreadable)/pixels)},
		tissue[1:],
	)
}

// checkTissue is what follows from the tissue map, and so from the scale at which it was made. How much there is comes first.
func checkTissue(s TissueSummary) []QC {
	pen := 0.0
	if s.PenMM2 > 0 {
		pen = s.PenMM2 / (s.PenMM2 + s.TissueMM2)
	}
	return []QC{
		qc.Judge(qc.TissueMM2, s.TissueMM2),
		qc.Judge(qc.PenShare, pen),
		qc.Judge(qc.Blurred, s.Blurred),
		qc.Judge(qc.Folded, s.Folded),
		qc.Judge(qc.Bubbles, s.Bubbles),
		qc.Judge(qc.OffStain, s.OffStain),
	}
}

// scale is 0 where it is not known.
func scale(mpp pyramid.MPP) float64 {
	if !mpp.Known() {
		return 0
	}
	return mpp.Mean()
}
