package train

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"text/template"

	"github.com/slidemill/slidemill/pkg/evaluate"
)

// Card is the model card: what a model is for, what it was made from, how well it does, where it fails.
type Card struct {
	Name         string              `json:"name"`
	Version      string              `json:"version"`
	IntendedUse  string              `json:"intended_use"`
	Limits       []string            `json:"limits"`
	Data         string              `json:"data"`
	Attribution  string              `json:"attribution"`
	Licence      string              `json:"licence"`
	DataSHA256   map[string]string   `json:"data_sha256"`
	Images       map[string]int      `json:"images"`
	Patients     map[string]int      `json:"patients"`
	MPP          float64             `json:"mpp"`
	Classes      []string            `json:"classes"`
	Architecture string              `json:"architecture"`
	Weights      int                 `json:"weights"`
	Halo         int                 `json:"halo"`
	Recipe       Recipe              `json:"recipe"`
	Epochs       int                 `json:"epochs_run"`
	Seconds      float64             `json:"seconds_per_training_image,omitempty"`
	Command      string              `json:"command"`
	Remark       string              `json:"remark,omitempty"` // on how exactly the command remakes the weights
	Temperature  float64             `json:"temperature"`
	Figures      map[string]Interval `json:"figures"`
	ClassDice    map[string]Interval `json:"class_dice"`
	ECEBefore    evaluate.Number     `json:"ece_before_temperature"`
}

// Interval is evaluate's, so that a card can be read without that package.
type Interval = evaluate.Interval

// card fills in what the run and the report know.
func (p *Package) card(m *Model, temperature float64) Card {
	c := p.Card
	c.Name, c.Version, c.MPP, c.Classes = p.Name, p.Version, p.MPP, ClassNames()
	c.DataSHA256 = map[string]string{"train": DataHash(p.Train), "val": DataHash(p.Val)}
	c.Images = map[string]int{"train": len(p.Train), "val": len(p.Val)}
	c.Patients = map[string]int{"train": patients(p.Train), "val": patients(p.Val)}
	c.Recipe, c.Epochs, c.Temperature = p.Recipe, len(p.History), temperature
	c.Weights = len(flatten(p.Net))
	if field, err := p.Net.Field(); err == nil {
		c.Halo = field.Halo()
	}
	seconds, images := 0.0, 0
	for _, r := range p.History {
		seconds, images = seconds+r.Seconds, images+r.Images
	}
	if images > 0 {
		c.Seconds = round(seconds/float64(images), 4)
	}
	c.Figures, c.ClassDice, c.ECEBefore = m.Report.Figures, map[string]Interval{}, evaluate.Number(m.Before)
	for _, class := range m.Report.Classes {
		c.ClassDice[class.Name] = class.Dice
	}
	return c
}

func patients(cases []Case) int {
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.Patient] = true
	}
	return len(seen)
}

//go:embed card.md
var cardPage string

// Markdown is the card for people.
func (c Card) Markdown() (string, error) {
	t, err := template.New("card").Funcs(template.FuncMap{
		"interval": func(i Interval) string {
			if math.IsNaN(float64(i.Value)) {
				return "not known"
			}
			return fmt.Sprintf("%.4f (%.4f–%.4f)", float64(i.Value), float64(i.Low), float64(i.High))
		},
		"thousand": func(n int) string { return fmt.Sprintf("%.2f million", float64(n)/1e6) },
	}).Parse(cardPage)
	if err != nil {
		return "", fmt.Errorf("model card: %w", err)
	}
	var buf bytes.Buffer
	if err := t.Execute(&buf, c); err != nil {
		return "", fmt.Errorf("model card: %w", err)
	}
	return buf.String(), nil
}
