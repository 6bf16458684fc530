package stitch

import (
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/qc"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
)

// An order that knows the scale better than the file is said to: half the scale is a quarter of every area.
func TestOrderOverrulesTheFile(t *testing.T) {
	scale := func(mpp float64, source pyramid.ScaleSource) pyramid.MPP {
		return pyramid.MPP{X: mpp, Y: mpp, Source: source}
	}
	for name, c := range map[string]struct {
		file, run pyramid.MPP
		warned    bool
	}{
		"the file's":        {scale(0.25, pyramid.FromFile), scale(0.25, pyramid.FromFile), false},
		"the same":          {scale(0.2501, pyramid.FromFile), scale(0.25, pyramid.FromOperator), false},
		"half":              {scale(0.5, pyramid.FromFile), scale(0.25, pyramid.FromOperator), true},
		"the file has none": {pyramid.MPP{}, scale(0.25, pyramid.FromOperator), false},
	} {
		m := slide.Manifest{Info: slide.Info{MPP: c.file}, QC: []byte(`[{"check":"scale_um_per_px","status":"pass","value":0.25}]`)}
		list := checksOf(m, &segment.Plan{Frame: segment.Frame{MPP: c.run}})
		words := (&Report{QC: list}).Warnings()
		if warned := len(words) == 1 && strings.HasPrefix(words[0], "the order's scale, --mpp or the worklist's, counts and not the file's (0.25 and 0.5 µm per pixel)"); warned != c.warned || len(words) > 1 {
			t.Errorf("%s: %q", name, words)
		}
	}
}

// What follows from the tissue map is the run's, all else is the slide's.
func TestChecksOfTheRun(t *testing.T) {
	m := slide.Manifest{QC: []byte(`[{"check":"tissue_mm2","status":"pass","value":4},{"check":"unscanned_share","status":"pass","value":0.25}]`)}
	plan := &segment.Plan{QC: []qc.Finding{{Check: qc.TissueMM2, Status: qc.Warn, Value: 0.04}}}
	list := checksOf(m, plan)
	if len(list) != 2 || list[0] != (Check{Check: qc.TissueMM2, Status: CheckWarned, Value: 0.04}) || list[1].Value != 0.25 {
		t.Errorf("%+v", list)
	}
}
