package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

func newExport() *cobra.Command {
	var p place
	var run, format, out string
	var force bool
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
			if err := vacant(force, out); err != nil {
				return err
			}
			bucket, err := p.visitStore(cmd.Context())
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
			c := copying{bucket: bucket, slide: id, run: at, key: pick(store.Slide(id).Run(at)), path: out}
			if err := c.do(cmd.Context()); err != nil {
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
	forceFlag(cmd, &force)
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
	found, err := finishedRuns(ctx, b, id)
	if err != nil {
		return pyramid.RunID{}, err
	}
	switch len(found) {
	case 0:
		return pyramid.RunID{}, fmt.Errorf("slide %v has no finished run here: run it first, or name its --data or --store", id)
	case 1:
		return found[0], nil
	}
	return pyramid.RunID{}, fmt.Errorf("slide %v has %d runs: name one of %v with --run", id, len(found), found)
}

// finishedRuns are the runs of a slide that have a run.json.
func finishedRuns(ctx context.Context, b store.Bucket, id pyramid.SlideID) (found []pyramid.RunID, err error) {
	for name, err := range store.Folders(ctx, b, store.Slide(id).Runs()) {
		if err != nil {
			return nil, err
		}
		run, err := pyramid.ParseRunID(name)
		if err != nil {
			continue
		}
		_, err = b.Stat(ctx, store.Slide(id).Run(run).Manifest())
		switch {
		case err == nil:
			found = append(found, run)
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return found, nil
}

// copying is one object of a run on its way into a file.
type copying struct {
	bucket store.Bucket
	slide  pyramid.SlideID
	run    pyramid.RunID
	key    string
	path   string
}

// do writes the object to the file, which appears only once it is whole and proved: what leaves the store damaged would
// never be asked for its sum again.
func (c *copying) do(ctx context.Context) (err error) {
	promise, err := stitch.LoadManifest(ctx, c.bucket, c.slide, c.run)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("run %v of slide %v is not finished here: run the slide first", c.run, c.slide)
	}
	if err != nil {
		return c.damaged(err)
	}
	want, ok := promise.Files[strings.TrimPrefix(c.key, store.Slide(c.slide).Run(c.run).Prefix())]
	if !ok {
		return c.damaged(fmt.Errorf("run.json promises no %s", path.Base(c.key)))
	}
	return writeTo(c.path, func(w io.Writer) error { return c.fill(ctx, w, want) })
}

// fill copies the object and compares it with what was promised.
func (c *copying) fill(ctx context.Context, f io.Writer, want stitch.File) (err error) {
	r, err := c.bucket.Get(ctx, c.key, 0, -1)
	if errors.Is(err, store.ErrNotFound) {
		return c.damaged(err)
	}
	if err != nil {
		return err
	}
	defer closing(&err, r.Close)
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), r)
	if err == nil && (n != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256) {
		err = c.damaged(fmt.Errorf("%s is not what was promised", c.key))
	}
	return err
}

func (c *copying) damaged(err error) error {
	return fmt.Errorf("%w: the result is damaged in the store and was not written: `slidemill verify %v` says what else is, with --repair it is made anew", err, c.slide)
}
