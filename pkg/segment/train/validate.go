package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Scheme is how the built-in classes are judged.
func Scheme(threshold float64) evaluate.Scheme {
	return evaluate.Scheme{
		Classes: ClassNames(), Carcinoma: Carcinoma, HighGrade: HighGrade, Threshold: threshold,
		Negatives: []string{"normal", "polyp"},
	}
}

// Verdict is what a network makes of labelled images.
type Verdict struct {
	Summaries []*evaluate.Summary
	Logits    evaluate.Logits // a sample of the pixels, for fitting the temperature
}

// logitStride thins the pixels of the temperature's sample.
const logitStride = 29

// Judgement is how to judge.
type Judgement struct {
	Norm        Normalisation
	Field       segment.Field // context around every image
	Threshold   float64
	Temperature float64
	MPP         float64
	// Change, when set, alters a copy of each image first: the test of robustness.
	Change func(rgb []uint8)
	// Ensemble averages the probabilities of the eight turns and mirror images.
	Ensemble bool
}

// Judge runs a network over cases.
func Judge(ctx context.Context, engine segment.Engine, cases []Case, j Judgement) (_ *Verdict, err error) {
	p := NewPredictor(engine, j.Norm, j.Field)
	defer func() { err = errors.Join(err, p.Close()) }()
	v := &Verdict{Logits: evaluate.Logits{Classes: Classes}}
	scheme := Scheme(j.Threshold)
	for i := range cases {
		c := &cases[i]
		rgb := c.RGB
		if j.Change != nil {
			rgb = append([]uint8(nil), rgb...)
			j.Change(rgb)
		}
		logits, err := p.Logits(ctx, rgb, c.W, c.H)
		if err != nil {
			return nil, fmt.Errorf("judge %s: %w", c.Name, err)
		}
		v.sample(c, logits)
		prob := Probabilities(logits, j.Temperature)
		if j.Ensemble {
			if prob, err = p.ensemble(ctx, &Case{RGB: rgb, W: c.W, H: c.H}, j.Temperature); err != nil {
				return nil, fmt.Errorf("judge %s: %w", c.Name, err)
			}
		}
		sum, err := scheme.Summarise(&evaluate.Image{
			Name: c.Name, Patient: c.Patient, Group: c.Group, W: c.W, H: c.H, MPP: j.MPP,
			Truth: c.Label, Prob: prob,
		})
		if err != nil {
			return nil, err
		}
		v.Summaries = append(v.Summaries, sum)
	}
	return v, nil
}

func (v *Verdict) sample(c *Case, logits []float32) {
	n := len(c.Label)
	var z [Classes]float32
	for i := len(v.Summaries) % logitStride; i < n; i += logitStride {
		if c.Label[i] == Ignore {
			continue
		}
		for k := range z {
			z[k] = logits[k*n+i]
		}
		v.Logits.Add(c.Label[i], z[:]...)
	}
}

// Scores are the figures that a run watches, on validation patients.
type Scores struct {
	Dice         float64   `json:"dice"`      // carcinoma, pooled
	ClassDice    []float64 `json:"classDice"` // per class, pooled
	AUC          float64   `json:"auc"`
	HighGradeAUC float64   `json:"highGradeAUC"`
	FalseArea    float64   `json:"falseArea"` // of normal and polyp
	NLL          float64   `json:"nll"`
	ECE          float64   `json:"ece"`
}

// MarshalJSON writes what could not be computed as null.
func (s Scores) MarshalJSON() ([]byte, error) {
	number := func(v float64) any {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	}
	classes := make([]any, len(s.ClassDice))
	for i, v := range s.ClassDice {
		classes[i] = number(v)
	}
	return json.Marshal(map[string]any{
		"dice": number(s.Dice), "classDice": classes, "auc": number(s.AUC), "highGradeAUC": number(s.HighGradeAUC),
		"falseArea": number(s.FalseArea), "nll": number(s.NLL), "ece": number(s.ECE),
	})
}

// scores judges a network quickly: less context than in use, no temperature.
func (r *run) scores(ctx context.Context, n *net.Net) (Scores, error) {
	engine, err := r.cfg.Backend.NewEngine(n)
	if err != nil {
		return Scores{}, fmt.Errorf("validate: %w", err)
	}
	v, err := Judge(ctx, engine, r.cfg.Val, Judgement{
		Norm: r.cfg.Recipe.Norm, Field: segment.Field{Halo: r.cfg.Context, Align: r.align}, Threshold: 0.5, Temperature: 1,
	})
	if err != nil {
		return Scores{}, fmt.Errorf("validate: %w", err)
	}
	f := Scheme(0.5).Figures(v.Summaries)
	return Scores{
		Dice: f.Dice, ClassDice: f.ClassDice, AUC: f.AUC, HighGradeAUC: f.HighGradeAUC,
		FalseArea: f.FalseArea, NLL: v.Logits.NLL(1), ECE: f.ECE,
	}, nil
}

// value is what makes one epoch better than another: carcinoma Dice, less what false alarms cost.
func (s Scores) value() float64 {
	v := s.Dice
	if !math.IsNaN(s.FalseArea) {
		v -= s.FalseArea
	}
	if math.IsNaN(v) {
		return math.Inf(-1)
	}
	return v
}
