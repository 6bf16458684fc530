package stitch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
)

// Notice stands on everything that a person or a program may take for a result.
const Notice = "Research use only. Not for use in diagnostic procedures."

// The states of a report.
const (
	Done    = "done"
	Failed  = "failed"  // the software or its surroundings did not manage
	Refused = "refused" // the slide is not fit to be analysed, and the reason says what to do
)

// Report is what a run found, for programs: report.json in the store and --json on the command line.
// Its field names are a contract; fields may be added.
type Report struct {
	Slide  SlideInfo `json:"slide"`
	Run    RunInfo   `json:"run"`
	Status string    `json:"status"`
	Reason string    `json:"reason"`
	Notice string    `json:"notice"`
	// Areas, Lesions and SmallFoci are absent unless the status is done: a failed run must never read as "0 mm²".
	*Areas
	Lesions []Lesion `json:"lesions,omitzero"` // empty, not nil, where none was found
	// SmallFoci counts the components of the mask that are too small for a lesion. They are in the
	// mask, the contours and the areas.
	SmallFoci *int              `json:"small_foci,omitempty"`
	Triage    Triage            `json:"triage"`
	QC        []Check           `json:"qc"`
	Seconds   Seconds           `json:"seconds"`
	SHA256    Sums              `json:"sha256"`
	Outputs   map[string]string `json:"outputs"` // keys in the store, by name
}

// Foci is SmallFoci, or 0 where nobody counted.
func (r *Report) Foci() int {
	if r.SmallFoci == nil {
		return 0
	}
	return *r.SmallFoci
}

// SlideInfo says which slide it was.
type SlideInfo struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
	// File is the name that the operator gave. It stays on the operator's machine: the report in the
	// store has none, because a file's name may hold a patient's.
	File      string              `json:"file"`
	Width     int                 `json:"width"`
	Height    int                 `json:"height"`
	MPP       float64             `json:"mpp"`
	MPPSource pyramid.ScaleSource `json:"mpp_source"`
	Vendor    string              `json:"vendor"`
}

// RunInfo says what was done with it.
type RunInfo struct {
	ID         string           `json:"id"`
	Model      segment.ModelRef `json:"model"`
	Engine     string           `json:"engine,omitempty"` // what computed it, with its version if it is not our own
	Parameters Parameters       `json:"parameters"`
	Software   string           `json:"software,omitempty"`
}

// Parameters are all the choices that decided the result.
type Parameters struct {
	segment.Parameters
	ModelMPP     float64         `json:"model_mpp"`      // microns per pixel of mask and probability
	MinLesionMM2 float64         `json:"min_lesion_mm2"` // smaller components are foci
	ContourStep  int             `json:"contour_step"`   // mask pixels per step of the outline, 1 unless it was too complex
	Tissue       json.RawMessage `json:"tissue,omitempty"`
}

// Lesion is one connected component of the mask, at least Parameters.MinLesionMM2 large.
type Lesion struct {
	ID              string  `json:"id"`   // a UUID that names the same lesion in the contours
	Name            string  `json:"name"` // L1 is the most relevant
	AreaMM2         float64 `json:"area_mm2"`
	LongestMM       float64 `json:"longest_mm"` // the greatest distance between two points of its outline
	MeanProbability float64 `json:"mean_probability"`
	MaxProbability  float64 `json:"max_probability"`
	// Uncertain is the share of its area in tissue unlike the training images: 1 means that its score is
	// not to be relied on at all. It is listed all the same.
	Uncertain float64 `json:"uncertain"`
	BBox      [4]int  `json:"bbox"` // x0, y0, x1, y1 in level-0 pixels
}

// Seconds is the time that each stage took. It is the only thing in a report that two equal runs do
// not share.
type Seconds struct {
	Open    float64 `json:"open,omitempty"` // the stages before the stitcher are left out where it was not told
	Tile    float64 `json:"tile,omitempty"`
	Segment float64 `json:"segment,omitempty"`
	Stitch  float64 `json:"stitch"`
	Total   float64 `json:"total"`
	// FirstRegion and Mask count from the slide's opening to the first region's probability and to the mask.
	// Stages overlap: regions are segmented while the finest levels of the pyramid are still being written.
	FirstRegion float64 `json:"first_region,omitempty"`
	Mask        float64 `json:"mask,omitempty"`
}

// Sums are SHA-256 sums over the whole canvas, row by row, one byte per pixel: probability × 255 with
// 0 where there is no tissue, and the mask with 0 and 1. They do not depend on how the work was cut.
type Sums struct {
	Mask        string `json:"mask"`
	Probability string `json:"probability"`
}

// Encode writes the report as one line of JSON, the form of --json.
func (r *Report) Encode() ([]byte, error) {
	out, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	return append(out, '\n'), nil
}

// reportSum is the SHA-256 of the report without what may differ between equal runs: the seconds, the name
// of the file, which the store's copy never has, and the checks' words, which reports of older versions lack.
func reportSum(r *Report) (string, error) {
	same := *r
	same.Seconds, same.Slide.File = Seconds{}, ""
	same.QC = slices.Clone(r.QC)
	for i := range same.QC {
		same.QC[i].Said = ""
	}
	data, err := same.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// maxReport bounds a report from the store: some hundred thousand lesions.
const maxReport = 64 << 20

// DecodeReport reads what Encode writes.
func DecodeReport(data []byte) (*Report, error) {
	if len(data) > maxReport {
		return nil, fmt.Errorf("report of %d bytes: too large", len(data))
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &r, nil
}

func slideInfo(m slide.Manifest, mpp pyramid.MPP) SlideInfo {
	info := SlideInfo{SHA256: m.SHA256, Vendor: m.Info.Vendor, MPPSource: mpp.Source}
	if mpp.Known() {
		info.MPP = mpp.Mean()
	}
	if m.ID != (pyramid.SlideID{}) {
		info.ID = m.ID.String()
	}
	if len(m.Info.Levels) > 0 {
		info.Width, info.Height = m.Info.Size().W, m.Info.Size().H
	}
	return info
}

func runInfo(p *segment.Plan, m slide.Manifest) RunInfo {
	return RunInfo{
		ID:     p.Run.String(),
		Model:  p.Model,
		Engine: segment.EngineTitle(p.Parameters.Engine),
		Parameters: Parameters{
			Parameters:   p.Parameters,
			ModelMPP:     p.Frame.Model,
			MinLesionMM2: minLesionMM2,
			ContourStep:  1,
			Tissue:       tissueOf(p, m),
		},
	}
}

// tissueOf is what the tiler says of the run's tissue map, and at which scale. slide.json has that of the scale at which
// the slide was first cut, in the same form.
func tissueOf(p *segment.Plan, m slide.Manifest) json.RawMessage {
	if len(p.Found) == 0 {
		return compact(m.Tissue)
	}
	record, err := json.Marshal(struct {
		Frame   segment.Frame   `json:"frame"`
		Summary json.RawMessage `json:"summary"`
	}{p.Frame, p.Found})
	if err != nil {
		return nil // as of what is not JSON in slide.json
	}
	return record
}

// compact is the form that a RawMessage has after encoding and decoding. What is not JSON is dropped
// here; slide.json was read as JSON, so it is.
func compact(raw json.RawMessage) json.RawMessage {
	var buf bytes.Buffer
	if len(raw) == 0 || json.Compact(&buf, raw) != nil {
		return nil
	}
	return buf.Bytes()
}
