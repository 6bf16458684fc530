package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/pkg/tiler"
)

func newVerify() *cobra.Command {
	var p place
	cmd := &cobra.Command{
		Use:     "verify SLIDE…",
		Short:   "Check every promise of the manifests against the store",
		Long:    "Verify reads every object of the slides and proves it against the manifests.\n\n" + slideNames,
		Example: "  slidemill verify 3f2a\n  slidemill verify /scans/S26-1042.svs",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, err := p.openStore(cmd.Context())
			if err != nil {
				return err
			}
			var errs []error
			for _, text := range args {
				id, err := intake.Ledger{Bucket: bucket}.FindSlide(cmd.Context(), text)
				if err != nil {
					return err
				}
				if err := errors.Join(verifyPyramid(cmd.Context(), bucket, id), verifyRuns(cmd.Context(), bucket, id)); err != nil {
					errs = append(errs, err)
					continue
				}
				proof, err := stitch.Verify(cmd.Context(), bucket, id)
				if err != nil {
					errs = append(errs, fmt.Errorf("verify %v: %w", id, err))
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%v: whole: %d runs, %d objects, %d bytes checked\n", id, proof.Runs, proof.Objects, proof.Bytes)
			}
			return errors.Join(errs...)
		},
	}
	p.flags(cmd)
	return cmd
}

// verifyPyramid proves the slide's pyramid whole where it is one archive, from the first byte to the last.
func verifyPyramid(ctx context.Context, bucket store.Bucket, id pyramid.SlideID) error {
	key := store.Slide(id).PyramidArchive()
	if _, err := bucket.Stat(ctx, key); errors.Is(err, store.ErrNotFound) {
		return nil
	}
	p, err := tiler.Open(ctx, bucket, id)
	if err != nil {
		return fmt.Errorf("verify %v: %w", id, err)
	}
	_, err = szi.Verify(ctx, bucket, key, p.DeepZoom())
	return err
}

// verifyRuns does the same with the pyramids of every finished run. What run.json promises of their tiles, and that
// it can be read at all, is left to stitch.Verify.
func verifyRuns(ctx context.Context, bucket store.Bucket, id pyramid.SlideID) error {
	var errs []error
	for name, err := range store.Folders(ctx, bucket, store.Slide(id).Runs()) {
		if err != nil {
			return fmt.Errorf("verify %v: list runs: %w", id, err)
		}
		run, err := pyramid.ParseRunID(name)
		if err != nil {
			continue
		}
		promise, err := stitch.LoadManifest(ctx, bucket, id, run)
		if err != nil {
			continue
		}
		keys := store.Slide(id).Run(run)
		for _, key := range []string{keys.ProbabilityArchive(), keys.OverlayArchive()} {
			if _, err := szi.Verify(ctx, bucket, key, promise.Pyramid); !errors.Is(err, store.ErrNotFound) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
