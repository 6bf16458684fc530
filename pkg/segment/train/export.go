package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// Package is what becomes a model file.
type Package struct {
	Net     *net.Net
	Name    string
	Version string
	MPP     float64 // nominal scale of the training images
	Recipe  Recipe
	Train   []Case
	Val     []Case
	Backend Backend
	History []Record
	Card    Card // the parts that a person writes; figures and provenance are filled in
	Program string
	// Replicates of the bootstrap; 0 means 2000.
	Replicates int
}

// Model is a finished model.
type Model struct {
	File   []byte // ONNX, with its description inside
	Card   Card
	Report *evaluate.Report // on the validation patients, calibrated
	Before float64          // ECE of carcinoma before the temperature
}

// Export calibrates a trained network on the validation patients, judges it with the context that it
// has in use, and writes the model file.
func Export(ctx context.Context, p Package) (*Model, error) {
	m, err := p.export(ctx)
	if err != nil {
		return nil, fmt.Errorf("export %s: %w", p.Name, err)
	}
	return m, nil
}

func (p *Package) export(ctx context.Context) (*Model, error) {
	field, err := p.Net.Field()
	if err != nil {
		return nil, err
	}
	engine, err := p.Backend.NewEngine(p.Net)
	if err != nil {
		return nil, err
	}
	j := Judgement{
		Norm: p.Recipe.Norm, Field: segment.Field{Halo: field.Halo(), Align: field.Side()},
		Threshold: 0.5, Temperature: 1, MPP: p.MPP,
	}
	raw, err := Judge(ctx, engine, p.Val, j)
	if err != nil {
		return nil, err
	}
	j.Temperature = round(raw.Logits.Temperature(), 4)
	calibrated, err := Judge(ctx, engine, p.Val, j)
	if err != nil {
		return nil, err
	}
	scheme := Scheme(j.Threshold)
	report, err := scheme.Judge(calibrated.Summaries, evaluate.Options{
		Bootstrap: evaluate.Bootstrap{Seed: 1, Replicates: p.Replicates},
		Record: evaluate.Record{
			Model: p.Name + " " + p.Version, Data: "validation patients", DataSHA256: DataHash(p.Val), Program: p.Program,
			Parameters: map[string]string{"temperature": fmt.Sprint(j.Temperature), "µm per pixel": fmt.Sprint(p.MPP)},
		},
	})
	if err != nil {
		return nil, err
	}
	m := &Model{Report: report, Before: scheme.Figures(raw.Summaries).ECE}
	m.Card = p.card(m, j.Temperature)
	m.File, err = p.file(m, j.Temperature)
	return m, err
}

// file writes network and description.
func (p *Package) file(m *Model, temperature float64) ([]byte, error) {
	look, err := p.look()
	if err != nil {
		return nil, err
	}
	timeless := m.Card
	timeless.Seconds = 0 // how fast the machine was is no part of the model: equal training ends in equal bytes
	card, err := json.Marshal(timeless)
	if err != nil {
		return nil, err
	}
	d := segment.Description{
		Name: p.Name, Version: p.Version, Classes: ClassNames(), Carcinoma: Carcinoma, HighGrade: HighGrade,
		MPP: p.MPP, Output: segment.OutputLogits, Temperature: temperature, Threshold: m.Report.Scheme.Threshold,
		Fingerprint: look, Card: card,
	}
	for k := range 3 {
		d.Mean[k], d.Std[k] = float32(p.Recipe.Norm.Mean[k]), float32(p.Recipe.Norm.Std[k])
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	meta, err := d.Metadata()
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	err = onnx.Write(&buf, p.Net, onnx.WriteOptions{Version: p.Version, Metadata: meta, Outputs: []string{"logits"}})
	return buf.Bytes(), err
}

// look is the fingerprint as the description holds it. A model of too few images has none, and its
// reports say so.
func (p *Package) look() (json.RawMessage, error) {
	f, err := Fingerprint(p.Train)
	if errors.Is(err, fingerprint.ErrTooFew) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(f)
}
