package segment

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// DefaultRegion is the side of a region in pixels at the model's scale. Larger regions compute less
// halo twice and need more memory: with the built-in model's halo of 160 pixels, regions of 1024 cost
// 72 % more arithmetic than the slide in one piece and 0.3 GB a worker, regions of 2048 cost 34 % more
// and 1 GB.
const DefaultRegion = 2048

// The sides that a region may have: of smaller ones the halo is nearly all of the work, and the size of larger ones, which
// files from outside claim, is not to be allocated unchecked.
const (
	MinRegion = 64
	MaxRegion = 8192
)

// Parameters are what a person may choose for a run. Together with slide and model they name it. How the
// pyramid is cut is not among them: it belongs to the slide, which has one.
type Parameters struct {
	Threshold float64 `json:"threshold"`        // carcinoma probability from which on a pixel is in the mask
	Region    int     `json:"region"`           // side of a region, pixels at the model's scale
	MPP       float64 `json:"mpp,omitempty"`    // operator's scale; 0 takes the file's
	Windows   Windows `json:"windows,omitzero"` // of a model without a receptive field
	// TTA averages the probabilities of the eight turns and mirror images, at eight times the cost.
	TTA bool `json:"tta,omitempty"`
	// Engine is the name and version of the arithmetic: another one makes other bits. Our own, which is empty or begins with
	// OwnEngine, makes the same bits on every machine.
	Engine string `json:"engine,omitempty"`
	// Partial lets a run end without the regions that cannot be computed: they count as not analysed.
	// Otherwise such a region fails the slide. It belongs to the run because the result may differ.
	Partial bool `json:"allow_partial,omitempty"`
}

// Validate reports a parameter that makes no sense, with the range that does.
func (p Parameters) Validate() error {
	switch {
	case !(p.Threshold > 0 && p.Threshold < 1):
		return fmt.Errorf("threshold %g: want a probability between 0 and 1, such as 0.5", p.Threshold)
	case p.Region < MinRegion || p.Region > MaxRegion:
		return fmt.Errorf("region %d: want %d to %d pixels", p.Region, MinRegion, MaxRegion)
	case p.MPP != 0 && (math.IsNaN(p.MPP) || p.MPP < pyramid.MinMPP || p.MPP > pyramid.MaxMPP):
		return fmt.Errorf("mpp %g: want %g to %g microns per pixel", p.MPP, float64(pyramid.MinMPP), float64(pyramid.MaxMPP))
	}
	if err := checkEngine(p.Engine); err != nil {
		return err
	}
	return p.Windows.Validate()
}

// OwnEngine is our own engine, and what reports call it where it convolves directly: its name is empty then. Where it does
// some convolutions by tiles its name goes on with which: "gorgonia 4@2,2@2" (nn.Tiling).
const OwnEngine = "gorgonia"

// IsOwnEngine reports whether it is our own engine, however it convolves.
func IsOwnEngine(name string) bool { return name == "" || strings.HasPrefix(name, OwnEngine+" ") }

// EngineDoes reports whether a worker with one engine does the runs that were ordered for the other: our own does those that
// convolve directly, too.
func EngineDoes(have, want string) bool {
	return have == want || want == "" && IsOwnEngine(have)
}

// EngineTitle is what people are told of an engine that Parameters name.
func EngineTitle(name string) string { return cmp.Or(name, OwnEngine) }

// maxEngine bounds an engine's name, which plans and orders from outside hold.
const maxEngine = 64

func checkEngine(name string) error {
	if len(name) > maxEngine {
		return fmt.Errorf("engine of %d bytes: want a name of at most %d", len(name), maxEngine)
	}
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("engine %q: want plain letters", name)
		}
	}
	return nil
}

// ModelRef names a model in plans and reports.
type ModelRef struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// RunID names the run of a model over a slide with parameters.
func (p Parameters) RunID(slide pyramid.SlideID, model ModelRef) pyramid.RunID {
	canonical, err := json.Marshal(struct {
		Slide      pyramid.SlideID
		Model      string
		Parameters Parameters
	}{slide, model.SHA256, p})
	if err != nil {
		panic(err) // plain data always marshals
	}
	return pyramid.NewRunID(canonical)
}
