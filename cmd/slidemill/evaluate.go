package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/judge"
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

// evaluateFlags is what `evaluate` can be told.
type evaluateFlags struct {
	judgeFlags
	model, out  string
	sensitivity float64
}

func newEvaluate() *cobra.Command {
	var f evaluateFlags
	cmd := &cobra.Command{
		Use:   "evaluate --data DIR --out REPORT",
		Short: "Judge a model on your own labelled images or annotated slides",
		Long: `Evaluate runs a model over labelled data, as segment and run would, and reports Dice and
IoU per class, boundary distance (HD95), AUC, sensitivity and specificity, calibration,
all with bootstrap intervals by patient, a breakdown by any column of a CSV, and a
threshold for a wanted sensitivity. Slides give slide-level AUC and, where they were
outlined completely (--outside background), FROC as CAMELYON16 defines it. It writes
REPORT.json, REPORT.csv and REPORT.html; each names data, model and parameters by hash.

` + labelledHelp,
		Example: `  slidemill evaluate --data our-lab --split val --out our-lab-report
  slidemill evaluate --data our-lab --columns cases.csv --sensitivity 0.98 --out report
  slidemill evaluate --data slides --outside background --out slides-report`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.out == "" && !f.asJSON {
				return &usageError{errors.New("--out (or --json) is needed")}
			}
			if !(f.sensitivity > 0 && f.sensitivity <= 1) {
				return &usageError{fmt.Errorf("sensitivity %g: want above 0, at most 1, such as 0.95", f.sensitivity)}
			}
			if err := f.check(); err != nil {
				return err
			}
			return runEvaluate(cmd, &f)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	cmd.Flags().StringVar(&f.out, "out", "", "name of the report, without extension")
	cmd.Flags().Float64Var(&f.sensitivity, "sensitivity", 0.95, "image-level sensitivity wanted, for the threshold proposal")
	return cmd
}

func runEvaluate(cmd *cobra.Command, f *evaluateFlags) error {
	ctx := cmd.Context()
	m, err := openModel(f.model)
	if err != nil {
		return err
	}
	b, err := f.bench(ctx, cmd)
	if err != nil {
		return err
	}
	scheme, verdict, err := b.try(ctx, m, judge.AllClasses)
	if err != nil {
		return err
	}
	record, err := b.record(ctx, m)
	if err != nil {
		return err
	}
	record.Program = "slidemill evaluate"
	options := evaluate.Options{Sensitivity: f.sensitivity, Record: record}
	if b.columns != nil {
		options.Columns = b.columns.Names
	}
	report, err := scheme.Judge(verdict.Summaries, options)
	if err != nil {
		return err
	}
	if report.FROC, err = froc(verdict); err != nil {
		return err
	}
	if len(verdict.Detected) > 0 && report.FROC == nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "no FROC: parts of the slides were not judged; pass --outside background if every lesion on them is outlined")
	}
	if f.asJSON {
		err = report.WriteJSON(cmd.OutOrStdout())
	} else {
		printFigures(cmd.OutOrStdout(), report)
	}
	if f.out == "" {
		return err
	}
	if err := errors.Join(err, writeReport(f.out, report)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.ErrOrStderr(), "report: %s.html, .csv and .json\n", f.out)
	return err
}

// froc is the free-response curve of slides, if each was judged everywhere: where nobody has looked, a
// detection is neither true nor false.
func froc(v *judge.Verdict) (*evaluate.FROC, error) {
	partial := func(s evaluate.DetectedSlide) bool { return s.Partial }
	if len(v.Detected) == 0 || slices.ContainsFunc(v.Detected, partial) {
		return nil, nil
	}
	return evaluate.EvaluateFROC(v.Detected)
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
		if err := reading(f.columns, func(r *os.File) (err error) { b.columns, err = evaluate.ReadColumns(r); return err }); err != nil {
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
	meter := newMeter(b.cmd.ErrOrStderr())
	meter.begin(m.Ref.Name)
	j := &judge.Judge{
		Model: m, Engine: newEngine(m, 1), Threshold: f.threshold, View: view, Ensemble: f.tta, Workers: f.workers,
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
	var err error
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

// printFigures shows the figures with their intervals.
func printFigures(out io.Writer, r *evaluate.Report) {
	fmt.Fprintf(out, "%s of %s, 95 %% intervals by patient, hd95 in µm; research use only\n", count(r.Images, "image"), count(r.Patients, "patient"))
	for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
		i := r.Figures[name]
		fmt.Fprintf(out, "  %-28s %.4f  (%.4f to %.4f)\n", name, float64(i.Value), float64(i.Low), float64(i.High))
	}
	for _, c := range r.Classes {
		fmt.Fprintf(out, "  Dice %-23s %.4f  (%.4f to %.4f)\n", c.Name, float64(c.Dice.Value), float64(c.Dice.Low), float64(c.Dice.High))
	}
	p := r.Proposal
	fmt.Fprintf(out, "  for a sensitivity of %.2f: call an image from a score of %.3f on; sensitivity %.3f, specificity %.3f here\n",
		p.Wanted, float64(p.Score), float64(p.Sensitivity.Value), float64(p.Specificity.Value))
	if r.FROC != nil {
		fmt.Fprintf(out, "  FROC: %s on %s, score %.4f\n", count(r.FROC.Lesions, "lesion"), count(r.FROC.Slides, "slide"), float64(r.FROC.Score))
	}
	for _, g := range r.Subgroups {
		if g.Column == "group" {
			continue // in the report's files; what follows is what the CSV asked for
		}
		note := ""
		if g.TooFew {
			note = ", too few for a claim"
		}
		fmt.Fprintf(out, "  %s %s: %s of %s%s; carcinoma Dice %s, AUC %s\n", g.Column, g.Value, count(g.Images, "image"), count(g.Patients, "patient"), note,
			g.Figures["dice"], g.Figures["auc"])
	}
}

// writeReport writes base.json, base.csv and base.html.
func writeReport(base string, r *evaluate.Report) error {
	for ext, write := range map[string]func(io.Writer) error{".json": r.WriteJSON, ".csv": r.WriteCSV, ".html": r.WriteHTML} {
		if err := writeTo(base+ext, write); err != nil {
			return err
		}
	}
	return nil
}
