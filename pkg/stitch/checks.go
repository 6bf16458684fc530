package stitch

import (
	"encoding/json"

	"github.com/slidemill/slidemill/pkg/pyramid"
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

// checksAt is checks with the scale that the run has, which may be the operator's where the file has none. No plan is
// made without one.
func checksAt(m slide.Manifest, mpp pyramid.MPP) []Check {
	list := checks(m)
	for i := range list {
		if list[i].Check == checkScale {
			list[i] = Check{Check: checkScale, Status: CheckPassed, Value: mpp.Mean()}
		}
	}
	return list
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
