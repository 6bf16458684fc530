package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/szi"
)

func newVerify() *cobra.Command {
	var p place
	var repair bool
	cmd := &cobra.Command{
		Use:   "verify SLIDE|ACCESSION…",
		Short: "Check every promise of the manifests against the store",
		Long: `Verify reads every object of the slides and proves it against the manifests.

With --repair it takes back what the store promises of a damaged slide and does not
keep: the slide counts as failed, and "slidemill run" or "submit" of its file, with the
options it was ordered with, makes what is missing or damaged again. Regions that are
whole are kept. A damaged pyramid takes all runs of the slide back.

A slide whose order has no result yet, because its run is at work, was interrupted or failed, is
not whole either, however whole all that is there is: nothing was promised of a mask so far. Runs
that somebody began before, with other options, and left are only counted.

Exit codes: 0 all whole, 1 at least one is not (with --repair too), has no result yet or is not
known, 2 usage.

` + slideNames,
		Example: "  slidemill verify 3f2a S26-1042\n  slidemill verify --repair /scans/S26-1042.svs; slidemill run /scans/S26-1042.svs",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, err := p.visitStore(cmd.Context())
			if err != nil {
				return err
			}
			slides, misnamed := findSlides(cmd.Context(), intake.Ledger{Bucket: bucket}, args)
			var errs []error
			for _, line := range slides {
				said, err := verifySlide(cmd.Context(), bucket, &line, repair)
				if err != nil {
					errs = append(errs, fmt.Errorf("verify %s: %w", called(&line.Entry), err))
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", called(&line.Entry), said)
			}
			return errors.Join(append(errs, misnamed)...)
		},
	}
	p.flags(cmd)
	cmd.Flags().BoolVar(&repair, "repair", false, "take back the promises of what is damaged, so that the next order makes it again")
	return cmd
}

// verifySlide says what was proved. Of a damaged slide the error says what can be done, or was.
func verifySlide(ctx context.Context, bucket store.Bucket, line *intake.Line, repair bool) (string, error) {
	id := line.Slide
	if err := uncut(ctx, bucket, line); err != nil {
		return "", err
	}
	proof, err := prove(ctx, bucket, id)
	if err == nil {
		return proved(proof), unfinished(ctx, bucket, line, proof)
	}
	d, err := damageOf(ctx, bucket, id, err)
	switch {
	case d.none():
		return "", err
	case !repair:
		return "", fmt.Errorf("%w\n`slidemill verify --repair %v` takes back what is damaged; then run or submit the slide's file again", err, id)
	}
	if e := d.takeBack(ctx, bucket, id); e != nil {
		return "", errors.Join(err, fmt.Errorf("repair: %w", e))
	}
	return "", fmt.Errorf("%w\nit counts as failed now: `slidemill run` or `submit` its file again, with the options it was ordered with, to make what is damaged anew", err)
}

// uncut is the error of a slide of which the store promises nothing: it was not cut, and no run stands on it. Why not,
// the order's record knows, if it ended.
func uncut(ctx context.Context, bucket store.Bucket, line *intake.Line) error {
	_, err := bucket.Stat(ctx, store.Slide(line.Slide).Manifest())
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	runs, err := finishedRuns(ctx, bucket, line.Slide)
	switch {
	case err != nil:
		return fmt.Errorf("list runs: %w", err)
	case len(runs) > 0:
		return nil
	case line.End == nil:
		return errors.New("it is not cut, so there is nothing to verify: run or submit its file")
	}
	return fmt.Errorf("it %s and is not cut, so there is nothing to verify: %s", cmp.Or(endWords[line.End.State], "ended"), intake.PlainReason(line.End.Reason))
}

// unfinished is the error of a slide that keeps every promise and has not got the result that was ordered: who asks
// whether a slide is whole wants to hand its mask on. A slide that nobody ordered has only what was begun.
func unfinished(ctx context.Context, bucket store.Bucket, line *intake.Line, proof *stitch.Verification) error {
	if line.Run == (pyramid.RunID{}) {
		if proof.Runs > 0 || proof.Unfinished == 0 {
			return nil
		}
	} else if _, err := bucket.Stat(ctx, store.Slide(line.Slide).Run(line.Run).Manifest()); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	const again = "run or submit its file again, with the options it was ordered with, to go on with it"
	there := fmt.Sprintf("the run of its order is not finished; what is there is %s", proved(proof))
	if line.End == nil {
		return fmt.Errorf("%s\nwait if `slidemill status` says that it is worked on, else %s", there, again)
	}
	return fmt.Errorf("%s\nthe order %s: %s\n%s", there, cmp.Or(endWords[line.End.State], "ended"), intake.PlainReason(line.End.Reason), again)
}

// endWords say how an order ended without a result.
var endWords = map[string]string{intake.Refused: "was refused", intake.Failed: "failed", intake.Cancelled: "was cancelled", intake.Replaced: "came to nothing, and its file was replaced"}

// proved is the result in words.
func proved(v *stitch.Verification) string {
	runs := count(v.Runs, "run")
	if v.Runs == 0 {
		runs = "no finished run"
	}
	if v.Unfinished > 0 {
		runs += fmt.Sprintf(" (and %d unfinished)", v.Unfinished)
	}
	return fmt.Sprintf("whole: %s, %s, %s checked", runs, count(int(v.Objects), "object"), count(int(v.Bytes), "byte"))
}

// prove checks archives first: the tiles of a damaged one cannot be read.
func prove(ctx context.Context, bucket store.Bucket, id pyramid.SlideID) (*stitch.Verification, error) {
	if err := errors.Join(verifyPyramid(ctx, bucket, id), verifyRuns(ctx, bucket, id)); err != nil {
		return nil, err
	}
	return stitch.Verify(ctx, bucket, id)
}

// archiveError is an archive that does not prove whole, of the slide if it is of no run.
type archiveError struct {
	error
	run pyramid.RunID
}

func (e *archiveError) Unwrap() error { return e.error }

// verifyArchive is nil for an archive that is not there.
func verifyArchive(ctx context.Context, bucket store.Bucket, key string, d pyramid.DeepZoom, run pyramid.RunID) error {
	if _, err := szi.Verify(ctx, bucket, key, d); err != nil && !errors.Is(err, store.ErrNotFound) {
		return &archiveError{err, run}
	}
	return nil
}

// verifyPyramid proves the slide's pyramid whole where it is one archive, from the first byte to the last. A slide.json
// that cannot be read is left to stitch.Verify.
func verifyPyramid(ctx context.Context, bucket store.Bucket, id pyramid.SlideID) error {
	keys := store.Slide(id)
	data, err := store.ReadAll(ctx, bucket, keys.Manifest(), slide.MaxManifest)
	if err != nil {
		return nil
	}
	m, err := slide.DecodeManifest(data)
	if err != nil {
		return nil
	}
	return verifyArchive(ctx, bucket, keys.PyramidArchive(), m.Pyramid, pyramid.RunID{})
}

// verifyRuns does the same with the pyramids of every finished run. What run.json promises of their tiles, and that
// it can be read at all, is left to stitch.Verify.
func verifyRuns(ctx context.Context, bucket store.Bucket, id pyramid.SlideID) error {
	runs, err := finishedRuns(ctx, bucket, id)
	if err != nil {
		return fmt.Errorf("list runs: %w", err)
	}
	var errs []error
	for _, run := range runs {
		promise, err := stitch.LoadManifest(ctx, bucket, id, run)
		if err != nil {
			continue
		}
		keys := store.Slide(id).Run(run)
		for _, key := range []string{keys.ProbabilityArchive(), keys.OverlayArchive()} {
			errs = append(errs, verifyArchive(ctx, bucket, key, promise.Pyramid, run))
		}
	}
	return errors.Join(errs...)
}
