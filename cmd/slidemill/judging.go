package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/judge"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// judgeFlags is what `evaluate` and `model compare` can be told of how models are judged.
type judgeFlags struct {
	labelledFlags
	split, columns      string
	threshold, mpp      float64
	tta, asJSON         bool
	haematoxylin, eosin float64
	workers             int
}

func (f *judgeFlags) flags(cmd *cobra.Command) {
	f.labelledFlags.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.split, "split", "val", "which split; empty if DIR itself holds the data")
	fl.StringVar(&f.columns, "columns", "", "CSV with a column image or patient, and others (scanner, site, stain, age, sex) to break down by")
	fl.Float64Var(&f.mpp, "mpp", 0, "microns per pixel of plain images (default: the model's scale)")
	fl.Float64Var(&f.threshold, "threshold", 0, "carcinoma probability that calls a pixel (default: the model's)")
	fl.BoolVar(&f.tta, "tta", false, "average over the eight turns and mirror images")
	fl.Float64Var(&f.haematoxylin, "haematoxylin", 1, "multiply the haematoxylin density first, to test robustness")
	fl.Float64Var(&f.eosin, "eosin", 1, "multiply the eosin density first, to test robustness")
	fl.IntVar(&f.workers, "workers", defaultWorkers(), "images at once")
	fl.BoolVar(&f.asJSON, "json", false, "the report as JSON on stdout")
}

func (f *judgeFlags) check() error {
	switch {
	case f.data == "":
		return &usageError{errors.New("--data is needed")}
	case f.workers < 1 || f.workers > 1024:
		return &usageError{fmt.Errorf("workers %d: want 1 to 1024", f.workers)}
	case f.threshold < 0 || f.threshold >= 1:
		return &usageError{fmt.Errorf("threshold %g: want a probability between 0 and 1, such as 0.5", f.threshold)}
	case !(f.haematoxylin > 0 && f.eosin > 0):
		return &usageError{errors.New("--haematoxylin and --eosin: want factors above 0, such as 1.2")}
	}
	return nil
}

// bench is labelled data ready for models to be tried on.
type bench struct {
	flags   *judgeFlags
	cmd     *cobra.Command
	data    *labelledData
	columns *evaluate.Columns
	sha256  string
}

// bench loads the data and the columns.
func (f *judgeFlags) bench(ctx context.Context, cmd *cobra.Command) (*bench, error) {
	b := &bench{flags: f, cmd: cmd}
	if f.columns != "" {
		if err := reading("--columns", f.columns, func(r *os.File) (err error) { b.columns, err = evaluate.ReadColumns(r); return err }); err != nil {
			return nil, err
		}
	}
	var err error
	b.data, err = f.load(ctx, f.split)
	return b, err
}

// try runs a model over the data and says what it cost.
func (b *bench) try(ctx context.Context, m *segment.Model, view judge.View) (evaluate.Scheme, *judge.Verdict, error) {
	f := b.flags
	engine, err := nn.ForModel(m, 1)
	if err != nil {
		return evaluate.Scheme{}, nil, err
	}
	meter := newMeter(b.cmd.ErrOrStderr())
	meter.begin(m.Ref.Name)
	j := &judge.Judge{
		Model: m, Engine: engine, Threshold: f.threshold, View: view, Ensemble: f.tta, Workers: f.workers,
		Progress: func(done, total int) { meter.set("judge", "images", int64(done), int64(total)) },
	}
	if f.haematoxylin != 1 || f.eosin != 1 {
		j.Change = func(rgb []uint8) { train.ShiftStain(rgb, f.haematoxylin, f.eosin) }
	}
	if b.columns != nil {
		j.Columns = b.columns.Of
	}
	started := time.Now()
	var v *judge.Verdict
	if len(b.data.slides) > 0 {
		v, err = j.Slides(ctx, b.data.slides)
	} else {
		v, err = j.Images(ctx, b.data.cases, b.mpp(m))
	}
	meter.finish()
	if err != nil {
		return evaluate.Scheme{}, nil, err
	}
	seconds := time.Since(started).Seconds()
	fmt.Fprintf(b.cmd.ErrOrStderr(), "%s: %s in %.1f s: %.3f s each, %.2f s per mm²\n", m.Ref.Name, b.data, seconds, seconds/float64(len(v.Summaries)), seconds/v.MM2)
	if v.LeftOut > 0 {
		fmt.Fprintf(b.cmd.ErrOrStderr(), "%d left out: nothing is known of them, or the model has no class for high-grade dysplasia\n", v.LeftOut)
	}
	b.warnColumns(v)
	return j.Scheme(), v, nil
}

// warnColumns says which images the CSV does not know: they are in no subgroup.
func (b *bench) warnColumns(v *judge.Verdict) {
	unknown := 0
	for _, s := range v.Summaries {
		if s.Columns == nil {
			unknown++
		}
	}
	if b.columns != nil && unknown > 0 {
		fmt.Fprintf(b.cmd.ErrOrStderr(), "warning: %s does not know %d of %d: they are in no subgroup\n", b.flags.columns, unknown, len(v.Summaries))
	}
}

// mpp is the scale of plain images.
func (b *bench) mpp(m *segment.Model) float64 {
	if b.flags.mpp > 0 {
		return b.flags.mpp
	}
	return m.Description.MPP
}

// record names what is judged: data, model and parameters.
func (b *bench) record(ctx context.Context, m *segment.Model) (evaluate.Record, error) {
	if b.sha256 == "" {
		var err error
		if b.sha256, err = b.data.hash(ctx); err != nil {
			return evaluate.Record{}, err
		}
	}
	f := b.flags
	threshold := f.threshold
	if threshold == 0 {
		threshold = m.DefaultThreshold()
	}
	parameters := map[string]string{
		"µm per pixel of the model": fmt.Sprint(m.Description.MPP), "temperature": fmt.Sprint(m.Description.Temperature),
		"threshold": fmt.Sprint(threshold), "test-time ensemble": fmt.Sprint(f.tta),
		"haematoxylin": fmt.Sprint(f.haematoxylin), "eosin": fmt.Sprint(f.eosin),
	}
	if len(b.data.slides) > 0 {
		parameters["beside all outlines"] = f.outside
	} else {
		parameters["µm per pixel of the images"] = fmt.Sprint(b.mpp(m))
	}
	return evaluate.Record{
		Model: m.Ref.Name + " " + m.Ref.Version, ModelSHA256: m.Ref.SHA256,
		Data: filepath.Join(filepath.Base(filepath.Clean(f.data)), f.split), DataSHA256: b.sha256, Parameters: parameters,
	}, nil
}
