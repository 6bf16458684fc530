package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// evaluateFlags is what `evaluate` and `model compare` can be told.
type evaluateFlags struct {
	data, split, model, out string
	threshold, sensitivity  float64
	tta                     bool
	asJSON                  bool
	haematoxylin, eosin     float64
}

func (f *evaluateFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.data, "data", "", "folder of labelled images: DIR/<split>/<class>/{image,mask}")
	fl.StringVar(&f.split, "split", "val", "which split; empty if DIR holds the classes")
	fl.Float64Var(&f.threshold, "threshold", 0, "carcinoma probability that calls a pixel (default: the model's)")
	fl.BoolVar(&f.tta, "tta", false, "average over the eight turns and mirror images")
	fl.Float64Var(&f.haematoxylin, "haematoxylin", 1, "multiply the haematoxylin density first, to test robustness")
	fl.Float64Var(&f.eosin, "eosin", 1, "multiply the eosin density first, to test robustness")
	fl.BoolVar(&f.asJSON, "json", false, "the report as JSON on stdout")
}

func newEvaluate() *cobra.Command {
	var f evaluateFlags
	cmd := &cobra.Command{
		Use:   "evaluate --data DIR --out REPORT",
		Short: "Judge a model on your own labelled images",
		Long: `Evaluate runs a model over labelled images and reports Dice and IoU per class, boundary
distance, AUC, sensitivity and specificity, calibration, all with bootstrap intervals
by patient, and a threshold for a wanted sensitivity. It writes REPORT.json,
REPORT.csv and REPORT.html.`,
		Example: "  slidemill evaluate --data our-lab --split val --out our-lab-report",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.data == "" || f.out == "" && !f.asJSON {
				return &usageError{errors.New("--data and --out are needed")}
			}
			return judge(cmd, &f)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	cmd.Flags().StringVar(&f.out, "out", "", "name of the report, without extension")
	cmd.Flags().Float64Var(&f.sensitivity, "sensitivity", 0.95, "image-level sensitivity wanted, for the threshold proposal")
	return cmd
}

func judge(cmd *cobra.Command, f *evaluateFlags) error {
	m, err := openModel(f.model)
	if err != nil {
		return err
	}
	set, err := train.Load(cmd.Context(), train.Source{Root: f.data, Split: f.split})
	if err != nil {
		return err
	}
	started := time.Now()
	scheme, verdict, err := f.verdict(cmd.Context(), m, set.Cases)
	if err != nil {
		return err
	}
	seconds := time.Since(started).Seconds()
	report, err := scheme.Judge(verdict.Summaries, evaluate.Options{
		Sensitivity: f.sensitivity,
		Record: evaluate.Record{
			Model: m.Ref.Name + " " + m.Ref.Version, ModelSHA256: m.Ref.SHA256, Data: f.split, DataSHA256: train.DataHash(set.Cases),
			Program: "slidemill evaluate", Parameters: f.parameters(m),
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d images in %.1f s: %.3f s an image, %.2f s per mm²\n", len(set.Cases), seconds, seconds/float64(len(set.Cases)), seconds/area(set.Cases, m))
	if f.asJSON {
		return report.WriteJSON(cmd.OutOrStdout())
	}
	printFigures(cmd.OutOrStdout(), report)
	return writeReport(f.out, report)
}

// area is the area of all images in square millimetres at the model's scale.
func area(cases []train.Case, m *segment.Model) (mm2 float64) {
	for _, c := range cases {
		mm2 += float64(c.W) * float64(c.H) * m.Description.MPP * m.Description.MPP / 1e6
	}
	return mm2
}

func (f *evaluateFlags) parameters(m *segment.Model) map[string]string {
	return map[string]string{
		"µm per pixel": fmt.Sprint(m.Description.MPP), "temperature": fmt.Sprint(m.Description.Temperature),
		"test-time ensemble": fmt.Sprint(f.tta), "haematoxylin": fmt.Sprint(f.haematoxylin), "eosin": fmt.Sprint(f.eosin),
	}
}

// verdict runs the model over the cases.
func (f *evaluateFlags) verdict(ctx context.Context, m *segment.Model, cases []train.Case) (evaluate.Scheme, *train.Verdict, error) {
	threshold := f.threshold
	if threshold == 0 {
		threshold = m.DefaultThreshold()
	}
	j := train.Judgement{
		Field: m.Field, Threshold: threshold, Temperature: max(m.Description.Temperature, 1e-9), MPP: m.Description.MPP, Ensemble: f.tta,
	}
	if m.Description.Temperature == 0 {
		j.Temperature = 1
	}
	for k := range 3 {
		j.Norm.Mean[k], j.Norm.Std[k] = float64(m.Description.Mean[k]), float64(m.Description.Std[k])
	}
	if f.haematoxylin != 1 || f.eosin != 1 {
		j.Change = func(rgb []uint8) { train.ShiftStain(rgb, f.haematoxylin, f.eosin) }
	}
	v, err := train.Judge(ctx, newRawEngine(m), cases, j)
	return train.Scheme(threshold), v, err
}

// printFigures shows the figures with their intervals.
func printFigures(out io.Writer, r *evaluate.Report) {
	fmt.Fprintf(out, "%d images of %d patients; research use only\n", r.Images, r.Patients)
	for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
		i := r.Figures[name]
		fmt.Fprintf(out, "  %-28s %.4f  (%.4f to %.4f)\n", name, float64(i.Value), float64(i.Low), float64(i.High))
	}
	for _, c := range r.Classes {
		fmt.Fprintf(out, "  Dice %-23s %.4f  (%.4f to %.4f)\n", c.Name, float64(c.Dice.Value), float64(c.Dice.Low), float64(c.Dice.High))
	}
}

// writeReport writes base.json, base.csv and base.html.
func writeReport(base string, r *evaluate.Report) error {
	for ext, write := range map[string]func(io.Writer) error{".json": r.WriteJSON, ".csv": r.WriteCSV, ".html": r.WriteHTML} {
		f, err := os.Create(base + ext)
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return fmt.Errorf("write report %s: %w", base+ext, err)
		}
	}
	return nil
}
