package segment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// MetadataKey is the key in an ONNX file's metadata that holds the Description.
const MetadataKey = "slidemill"

// Description says what a network's numbers mean. It travels in the ONNX file's metadata.
type Description struct {
	Name        string          `json:"name"`
	Version     string          `json:"version"`
	Classes     []string        `json:"classes"`    // one name per output channel
	Carcinoma   int             `json:"carcinoma"`  // index of the class that makes the mask
	HighGrade   int             `json:"high_grade"` // index of high-grade dysplasia, or -1
	MPP         float64         `json:"mpp"`        // nominal scale of the input, µm/px
	Mean        [3]float32      `json:"mean"`       // of RGB on 0..1, subtracted
	Std         [3]float32      `json:"std"`        // of RGB on 0..1, divided by
	Output      string          `json:"output"`     // OutputLogits or OutputProbabilities
	Temperature float64         `json:"temperature,omitempty"`
	Threshold   float64         `json:"threshold,omitempty"` // proposed operating point; 0 means 0.5
	Window      int             `json:"window,omitempty"`    // Windows.Side, best that of the training's pictures; 0 means DefaultWindow
	Fingerprint json.RawMessage `json:"fingerprint,omitempty"`
	Card        json.RawMessage `json:"card,omitempty"`
}

// What a network's output channels are.
const (
	OutputLogits        = "logits"        // softmax over the channels is still to be taken
	OutputProbabilities = "probabilities" // each channel is a probability
)

// Validate reports a description that cannot be used.
func (d *Description) Validate() error {
	switch {
	case len(d.Classes) < 1 || len(d.Classes) > 64:
		return fmt.Errorf("%d classes, want 1 to 64", len(d.Classes))
	case d.Carcinoma < 0 || d.Carcinoma >= len(d.Classes):
		return fmt.Errorf("carcinoma is class %d of %d", d.Carcinoma, len(d.Classes))
	case d.HighGrade < -1 || d.HighGrade >= len(d.Classes):
		return fmt.Errorf("high-grade dysplasia is class %d of %d", d.HighGrade, len(d.Classes))
	case !(d.MPP >= pyramid.MinMPP && d.MPP <= pyramid.MaxMPP):
		return fmt.Errorf("nominal scale %g µm/px", d.MPP)
	case d.Output != OutputLogits && d.Output != OutputProbabilities:
		return fmt.Errorf("output %q, want %q or %q", d.Output, OutputLogits, OutputProbabilities)
	case d.Temperature < 0 || math.IsNaN(d.Temperature) || math.IsInf(d.Temperature, 0):
		return fmt.Errorf("temperature %g", d.Temperature)
	case !(d.Threshold >= 0 && d.Threshold < 1):
		return fmt.Errorf("threshold %g", d.Threshold)
	}
	if d.Window != 0 {
		if err := checkWindow(d.Window); err != nil {
			return err
		}
	}
	for _, s := range d.Std {
		if !(s > 0) {
			return fmt.Errorf("standard deviation %g", s)
		}
	}
	return nil
}

// Metadata is the description as an ONNX file carries it.
func (d *Description) Metadata() (map[string]string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("model description: %w", err)
	}
	return map[string]string{MetadataKey: string(bytes.TrimSpace(buf.Bytes()))}, nil
}

// Redescribe is a model file with another description. The network stays as it is, byte for byte.
func Redescribe(file []byte, change func(*Description)) ([]byte, error) {
	m, err := ReadModel(file)
	if err != nil {
		return nil, err
	}
	d := m.Description
	change(&d)
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	metadata, err := d.Metadata()
	if err != nil {
		return nil, err
	}
	return onnx.WithMetadata(file, MetadataKey, metadata[MetadataKey])
}
