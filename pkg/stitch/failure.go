package stitch

import (
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
)

// Failure is what is known about a slide that got no result. Everything but Status and Reason may be
// empty.
type Failure struct {
	Status  string // Failed or Refused
	Reason  string
	File    string // as SlideInfo.File
	Slide   slide.Manifest
	Plan    *segment.Plan
	Seconds Seconds
}

// FailedReport is the report of a slide without result. It carries no areas and no lesions and stands at the
// top of the worklist: nobody has looked at this slide.
func FailedReport(f Failure) *Report {
	r := &Report{
		Slide:   slideInfo(f.Slide, f.Slide.Info.MPP),
		Status:  f.Status,
		Reason:  f.Reason,
		Notice:  Notice,
		Triage:  Triage{1, "not analysed: " + f.Reason},
		QC:      inWords(checks(f.Slide)),
		Seconds: f.Seconds,
		Outputs: map[string]string{},
	}
	r.Slide.File = f.File
	if f.Plan != nil {
		r.Slide.ID = f.Plan.Slide.String()
		r.Run = runInfo(f.Plan, f.Slide)
		r.QC = inWords(checksOf(f.Slide, f.Plan))
	}
	return r
}
