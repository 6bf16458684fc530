package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

func newExport() *cobra.Command {
	var p place
	var run, format, out string
	cmd := &cobra.Command{
		Use:     "export SLIDE --format geojson --out FILE",
		Short:   "Hand a result over to other programs",
		Long:    "Export copies a finished run's result out of the store:\n\n  geojson  outlines with holes, as QuPath reads them\n  mask     binary mask as a tiled pyramidal BigTIFF\n\n" + slideNames,
		Example: "  slidemill export slide.svs --format geojson --out outlines.geojson",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return &usageError{errors.New("--out is missing")}
			}
			pick, ok := exportFormats[format]
			if !ok {
				return &usageError{fmt.Errorf("format %q: want geojson or mask", format)}
			}
			bucket, err := p.openStore(cmd.Context())
			if err != nil {
				return err
			}
			id, err := intake.Ledger{Bucket: bucket}.FindSlide(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			at, err := finishedRun(cmd.Context(), bucket, id, run)
			if err != nil {
				return err
			}
			if err := copyOut(cmd.Context(), bucket, pick(store.Slide(id).Run(at)), out); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s of run %v\n", out, format, at)
			return err
		},
	}
	p.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&run, "run", "", "which run (needed if the slide has several)")
	f.StringVar(&format, "format", "geojson", "geojson or mask")
	f.StringVar(&out, "out", "", "the file to write")
	return cmd
}

// exportFormats is the table of what can be handed over, by name.
var exportFormats = map[string]func(store.RunKeys) string{
	"geojson": store.RunKeys.Contours,
	"mask":    store.RunKeys.Mask,
}

// finishedRun is the run that a person names, or the only finished one.
func finishedRun(ctx context.Context, b store.Bucket, id pyramid.SlideID, name string) (pyramid.RunID, error) {
	if name != "" {
		return pyramid.ParseRunID(name)
	}
	var found []pyramid.RunID
	for name, err := range store.Folders(ctx, b, store.Slide(id).Runs()) {
		if err != nil {
			return pyramid.RunID{}, err
		}
		run, err := pyramid.ParseRunID(name)
		if err != nil {
			continue
		}
		if _, err := b.Stat(ctx, store.Slide(id).Run(run).Manifest()); err == nil {
			found = append(found, run)
		}
	}
	switch len(found) {
	case 0:
		return pyramid.RunID{}, fmt.Errorf("slide %v has no finished run here: run it first, or name its --data or --store", id)
	case 1:
		return found[0], nil
	}
	return pyramid.RunID{}, fmt.Errorf("slide %v has %d runs: name one of %v with --run", id, len(found), found)
}

// copyOut writes an object to a file that appears only once it is whole.
func copyOut(ctx context.Context, b store.Bucket, key, path string) (err error) {
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return err
	}
	defer closing(&err, r.Close)
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*")
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("export: %w", err), os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
