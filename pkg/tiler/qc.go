package tiler

import (
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// Status is the verdict of a check.
type Status string

const (
	Pass Status = "pass"
	Warn Status = "warn" // a person should look
	Fail Status = "fail" // there is nothing to analyse
)

// QC is one check of a slide's quality, in the form of the report.
type QC struct {
	Check  string  `json:"check"`
	Status Status  `json:"status"`
	Value  float64 `json:"value"`
}

// Limits of the checks.
const (
	fewTissueMM2  = 0.05 // less than the smallest useful biopsy
	muchUnscanned = 0.90 // sparse scanners leave most of the glass out, but not all
	muchPen       = 0.05 // of what is not glass
	muchBlur      = 0.20 // of the tissue
)

// Check judges a slide that was cut and searched for tissue.
func Check(info slide.Info, r *Result, s TissueSummary) []QC {
	pixels := float64(max(r.Pyramid.Size.Pixels(), 1))
	var unreadable int64
	for _, b := range r.Unreadable {
		unreadable += int64(b.Dx()) * int64(b.Dy())
	}
	pen := 0.0
	if s.PenMM2 > 0 {
		pen = s.PenMM2 / (s.PenMM2 + s.TissueMM2)
	}
	return []QC{
		checkScale(info.MPP),
		checkTissue(s.TissueMM2),
		above("unscanned_share", float64(r.Unscanned-unreadable)/pixels, muchUnscanned),
		above("unreadable_share", float64(unreadable)/pixels, 0),
		above("pen_share", pen, muchPen),
		above("blurred_share", s.Blurred, muchBlur),
	}
}

func checkScale(mpp pyramid.MPP) QC {
	if !mpp.Known() {
		return QC{"scale_um_per_px", Fail, 0}
	}
	return QC{"scale_um_per_px", Pass, mpp.Mean()}
}

func checkTissue(mm2 float64) QC {
	switch {
	case mm2 == 0:
		return QC{"tissue_mm2", Fail, 0}
	case mm2 < fewTissueMM2:
		return QC{"tissue_mm2", Warn, mm2}
	}
	return QC{"tissue_mm2", Pass, mm2}
}

// above warns of a value above the limit.
func above(check string, value, limit float64) QC {
	if value > limit {
		return QC{check, Warn, value}
	}
	return QC{check, Pass, value}
}
