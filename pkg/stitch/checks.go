package stitch

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
)

// The states of a check.
const (
	CheckPassed = "pass"
	CheckWarned = "warn"
	CheckFailed = "fail"
)

// Check is one line of quality control.
type Check struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Value  any    `json:"value"`
	// Said is what Words says, for those who show the check and do not know it: the viewer.
	Said string `json:"words,omitempty"`
}

// checkScale is the tiler's check of the scale in microns per pixel.
const checkScale = "scale_um_per_px"

// checkOverruled is there where the order has another scale than the file.
const checkOverruled = "scale_overruled"

// sameScale is by how much two scales may differ and still be one: rounded in a worklist, or measured along another axis.
const sameScale = 0.02

// checksOf is checks as this run has them: with its scale, which may be the operator's where the file has none, and what
// follows from its tissue map. slide.json has those of the scale at which the slide was first cut. No plan is made
// without a scale.
func checksOf(m slide.Manifest, plan *segment.Plan) []Check {
	list := checks(m)
	for i := range list {
		if list[i].Check == checkScale {
			list[i] = Check{Check: checkScale, Status: CheckPassed, Value: plan.Frame.MPP.Mean()}
		}
		for _, f := range plan.QC {
			if f.Check == list[i].Check {
				list[i] = Check{Check: f.Check, Status: string(f.Status), Value: f.Value}
			}
		}
	}
	return append(list, overruled(m.Info.MPP, plan.Frame.MPP)...)
}

// overruled warns of an order that knows better than the file: one of them is wrong, and where it is the order, carcinoma
// is outlined at a magnification that the model never saw.
func overruled(file, order pyramid.MPP) []Check {
	if !file.Known() || order.Source != pyramid.FromOperator || math.Abs(order.Mean()/file.Mean()-1) <= sameScale {
		return nil
	}
	said := fmt.Sprintf("%.4g and %.4g µm per pixel", order.Mean(), file.Mean())
	return []Check{{Check: checkOverruled, Status: CheckWarned, Value: said}}
}

// checks reads the tiler's quality control. What cannot be read is itself a failed check.
func checks(m slide.Manifest) []Check {
	list := []Check{}
	if len(m.QC) == 0 {
		return list
	}
	if err := json.Unmarshal(m.QC, &list); err != nil {
		return []Check{{Check: "quality control", Status: CheckFailed, Value: "unreadable: " + err.Error()}}
	}
	return list
}
