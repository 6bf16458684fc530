package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/segment/judge"
)

// compareFlags is what `model compare` can be told.
type compareFlags struct {
	judgeFlags
	html, figure string
	replicates   int
}

func newModelCompare() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare A.onnx B.onnx --data DIR",
		Short: "Compare two models on the same data with a paired test by patient",
		Long: `Compare runs both models over the same labelled data and says which is better, or that
the data cannot tell. One figure decides, named beforehand with --figure: by default
the pooled carcinoma Dice. Each difference comes with its interval (paired bootstrap by
patient) and the p-value of a paired permutation test by patient. Models with different
classes are compared by what they share. "builtin" names the built-in model.

` + labelledHelp,
		Example: `  slidemill model compare builtin ours.onnx --data our-lab
  slidemill model compare old.onnx new.onnx --data our-lab --figure auc --html compared.html`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return compareModels(cmd, &f, args[0], args[1])
		},
	}
	f.judgeFlags.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.html, "html", "", "write the comparison as a page to this file")
	fl.StringVar(&f.figure, "figure", "dice", "the figure that decides: "+strings.Join(evaluate.Keys(), ", "))
	fl.IntVar(&f.replicates, "replicates", 2000, "of bootstrap and permutation test")
	return cmd
}

func (f *compareFlags) check() error {
	if f.replicates < 100 || f.replicates > 1_000_000 {
		return &usageError{fmt.Errorf("replicates %d: want 100 to 1000000", f.replicates)}
	}
	for _, key := range evaluate.Keys() {
		if key == f.figure {
			return f.judgeFlags.check()
		}
	}
	return &usageError{fmt.Errorf("figure %q: want one of %s", f.figure, strings.Join(evaluate.Keys(), ", "))}
}

func compareModels(cmd *cobra.Command, f *compareFlags, pathA, pathB string) error {
	ctx := cmd.Context()
	a, err := openModel(pathA)
	if err != nil {
		return err
	}
	b, err := openModel(pathB)
	if err != nil {
		return err
	}
	if f.mpp == 0 && a.Description.MPP != b.Description.MPP {
		return &usageError{errors.New("the models have different scales: say with --mpp what the scale of the images is")}
	}
	bench, err := f.bench(ctx, cmd)
	if err != nil {
		return err
	}
	view := judge.Shared(a, b)
	scheme, va, err := bench.try(ctx, a, view)
	if err != nil {
		return err
	}
	_, vb, err := bench.try(ctx, b, view)
	if err != nil {
		return err
	}
	o := evaluate.CompareOptions{Primary: f.figure, Bootstrap: evaluate.Bootstrap{Seed: 1, Replicates: f.replicates}}
	if o.A, err = bench.record(ctx, a); err != nil {
		return err
	}
	if o.B, err = bench.record(ctx, b); err != nil {
		return err
	}
	o.A.Program, o.B.Program = "slidemill model compare", "slidemill model compare"
	c, err := scheme.NewComparison(va.Summaries, vb.Summaries, o)
	if err != nil {
		return err
	}
	if f.html != "" {
		if err := writeTo(f.html, c.WriteHTML); err != nil {
			return err
		}
	}
	if f.asJSON {
		return c.WriteJSON(cmd.OutOrStdout())
	}
	return c.WriteText(cmd.OutOrStdout())
}
