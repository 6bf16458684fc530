// Package builtin holds the model that Slidemill ships with. docs/model-log.md says how it was
// trained; `slidemill model inspect` shows its card. Its training data is EBHI-Seg (Shi et al. 2023,
// doi 10.3389/fmed.2023.1114673), CC BY 4.0.
package builtin

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/slidemill/slidemill/pkg/segment"
)

//go:embed carcinoma.onnx
var file []byte

// File is a copy of the built-in model's file.
func File() []byte { return bytes.Clone(file) }

// Model reads the built-in model.
func Model() (*segment.Model, error) {
	m, err := segment.ReadModel(file)
	if err != nil {
		return nil, fmt.Errorf("built-in model: %w", err)
	}
	return m, nil
}
