package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment"
)

// runFlags is what `run` and `demo` can be told.
type runFlags struct {
	place
	model     string
	engine    string
	driver    driver // that engine names
	params    segment.Parameters
	workers   int
	threads   int
	json      bool
	maskFirst bool          // see workers.Tile
	silence   time.Duration // see intake.Patience
	drawn     bool          // the slides are demo's
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run SLIDE…",
		Short: "The whole job on this machine: slide in, carcinoma mask out",
		Long: `Run takes each slide through every stage: pyramid, tissue map, regions over the
queue, segmentation, coverage proof, mask, overlay, contours and report.

It can be interrupted at any time; the same command goes on where it stopped.
A slide that fails is named with its reason, the others are finished. What failed of an
earlier file at the same path counts as replaced. A mask that is
named with its slide (NAME.mask.tiff with NAME.tiff, as by *.tiff) is left out.
Of a slide's runs with several models or parameters the one that was ordered last counts, in
worklist, summary and export. A result that was there already, of the same model, parameters and
arithmetic ("engine" in the report, which a newer version may change), is shown and not ordered
anew: of a slide with several a line says whether it is the one that counts.

` + readInTime + `

` + slidesInS3 + `

Exit codes: 0 all slides done, 1 at least one failed, 2 usage, 130 interrupted.`,
		Example: `  slidemill run slide.svs
  slidemill run --mpp 0.25 scan.tiff another.svs
  slidemill run --store s3://pathology/results --json *.svs
  slidemill run s3://scanner/2026/4711.svs`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runSlides(cmd, &f, args) },
	}
	f.flags(cmd)
	return cmd
}

func (f *runFlags) flags(cmd *cobra.Command) {
	f.place.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	threadsFlag(cmd, &f.threads)
	fl.Float64Var(&f.params.MPP, "mpp", 0, "microns per pixel, where the file does not say or says wrong")
	fl.Float64Var(&f.params.Threshold, "threshold", 0, "carcinoma probability from which on a pixel is in the mask (default: the model's)")
	regionFlag(cmd, &f.params.Region)
	partialFlag(cmd, &f.params.Partial)
	ttaFlag(cmd, &f.params.TTA)
	fl.IntVar(&f.workers, "workers", defaultWorkers(), "regions segmented at once")
	fl.BoolVar(&f.maskFirst, "mask-first", true, "segment as soon as the levels for it are cut, before the whole pyramid is written")
	fl.BoolVar(&f.json, "json", false, "one JSON report per slide on stdout")
}

// runSlides is the body of `run`: a crew in this process, then one slide after the other.
func runSlides(cmd *cobra.Command, f *runFlags, paths []string) (err error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	model, err := openModel(f.model)
	if err != nil {
		return err
	}
	if f.driver, err = openFor(f.engine, f.threads, model); err != nil {
		return err
	}
	f.params.Engine = f.driver.name
	f.params, err = settle(cmd, model, f.params)
	if err := errors.Join(checkWorkers(f.workers, 1), err, checkSources(paths)); err != nil {
		return &usageError{err}
	}
	shift, err := f.start(ctx, cmd, model)
	if err != nil {
		return err
	}
	defer func() { cancel(); err = errors.Join(err, shift.end()) }()
	var failed []string
	paths = withoutMasks(cmd, paths)
	for i, path := range paths {
		ordered, done := shift.slide(ctx, path)
		if !done {
			failed = append(failed, path)
		}
		if ctx.Err() != nil {
			if ordered {
				i++
			}
			sayUnbegun(cmd.ErrOrStderr(), paths[i:])
			return ctx.Err()
		}
	}
	if len(failed) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: %d of %s failed: %s\n", len(failed), count(len(paths), "slide"), strings.Join(failed, ", "))
		return errSlidesFailed
	}
	return nil
}

// maxUnbegun is how many slides an interrupted run names that it did not begin.
const maxUnbegun = 3

// sayUnbegun says of an interrupted run which slides it did not come to, the one that it was reading among them. It has not
// ordered them, so that nobody else can tell.
func sayUnbegun(stderr io.Writer, paths []string) {
	if len(paths) == 0 {
		return
	}
	names, more, them := paths, "", "them"
	if len(paths) > maxUnbegun {
		names, more = paths[:maxUnbegun], fmt.Sprintf(" and %d more", len(paths)-maxUnbegun)
	}
	if len(paths) == 1 {
		them = "it"
	}
	fmt.Fprintf(stderr, "slidemill: %s not begun: %s%s; the same command goes on with %s\n",
		plural(len(paths), "slide was", "slides were"), strings.Join(names, ", "), more, them)
}
