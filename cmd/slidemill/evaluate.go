package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment/judge"
)

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
