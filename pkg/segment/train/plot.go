package train

import (
	"bytes"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// plotHistory draws loss on the left and validation figures on the right.
func plotHistory(history []Record, path string) error {
	loss, err := curves("loss", history, []curve{
		{"training", blue, func(r Record) float64 { return r.Loss }},
		{"validation (NLL)", orange, func(r Record) float64 { return r.score(func(s *Scores) float64 { return s.NLL }) }},
	})
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	figures, err := curves("validation", history, []curve{
		{"carcinoma Dice", blue, func(r Record) float64 { return r.score(func(s *Scores) float64 { return s.Dice }) }},
		{"carcinoma AUC, images", orange, func(r Record) float64 { return r.score(func(s *Scores) float64 { return s.AUC }) }},
		{"high-grade AUC, images", green, func(r Record) float64 { return r.score(func(s *Scores) float64 { return s.HighGradeAUC }) }},
	})
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	figures.Y.Min, figures.Y.Max = 0.5, 1
	return writePlots(path, loss, figures)
}

var (
	blue   = color.RGBA{31, 119, 180, 255}
	orange = color.RGBA{255, 127, 14, 255}
	green  = color.RGBA{44, 160, 44, 255}
)

// curve is one line over the epochs; NaN leaves a point out.
type curve struct {
	name  string
	color color.Color
	at    func(Record) float64
}

func (r Record) score(of func(*Scores) float64) float64 {
	if r.Val == nil {
		return math.NaN()
	}
	return of(r.Val)
}

func curves(title string, history []Record, all []curve) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = title, "epoch"
	p.Legend.Top = title == "loss"
	p.Add(plotter.NewGrid())
	for _, c := range all {
		var points plotter.XYs
		for _, rec := range history {
			if v := c.at(rec); !math.IsNaN(v) {
				points = append(points, plotter.XY{X: float64(rec.Epoch), Y: v})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, dots.Color, dots.Radius = c.color, c.color, vg.Points(1.5)
		p.Add(line, dots)
		p.Legend.Add(c.name, line)
	}
	return p, nil
}

// writePlots draws plots side by side into a PNG file.
func writePlots(path string, plots ...*plot.Plot) error {
	img := vgimg.New(vg.Length(len(plots))*10*vg.Centimeter, 8*vg.Centimeter)
	row := draw.Tiles{Rows: 1, Cols: len(plots), PadX: vg.Millimeter * 4, PadTop: vg.Millimeter * 2, PadRight: vg.Millimeter * 4}
	for i, c := range plot.Align([][]*plot.Plot{plots}, row, draw.New(img))[0] {
		plots[i].Draw(c)
	}
	var buf bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(&buf); err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return writeFile(path, buf.Bytes())
}
