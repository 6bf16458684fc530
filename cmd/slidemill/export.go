package main

import (
	"cmp"
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

// exportFlags is what `export` can be told.
type exportFlags struct {
	place
	run         runChoice
	format, out string
	force       bool
}

func newExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export SLIDE|ACCESSION… --format geojson --out FILE|FOLDER/",
		Short: "Hand a result over to other programs",
		Long: `Export copies a finished run's result out of the store:

  geojson  outlines with holes, as QuPath reads them
  mask     binary mask as a tiled pyramidal BigTIFF

Without --format the name of the file says which: .tiff and .tif are masks, .geojson, .json and
names without extension outlines; any other is refused.
A result that is no statement on its slide, as where nothing could be analysed, is written with
a word about it, here and at the head of the outlines: no outline then does not mean no carcinoma.
Of several slides, such as those of an accession, --out is a folder that is there or whose
name ends in a slash; each file has the name of its slide's (masks end in .mask.tiff), and
where two are the same the first digits of the id. One that is there already is left alone
without --force, and the others are written.

` + runHelp + `

Exit codes: 0 all written, 1 at least one could not be (the others are), 2 usage.

` + slideNames,
		Example: "  slidemill export slide.svs --format geojson --out outlines.geojson\n  slidemill export S26-1042 --format mask --out masks/\n  slidemill export S26-1042 --run newest --out outlines/",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return export(cmd, &f, args) },
	}
	f.place.flags(cmd)
	fl := cmd.Flags()
	runFlag(cmd, &f.run)
	fl.StringVar(&f.format, "format", "", "geojson or mask (default: what the name of --out says, or geojson)")
	fl.StringVar(&f.out, "out", "", "the file to write, or the folder of several")
	forceFlag(cmd, &f.force)
	return cmd
}

// export goes on after a slide that cannot be handed over and fails at the end.
func export(cmd *cobra.Command, f *exportFlags, args []string) error {
	if err := f.check(); err != nil {
		return &usageError{err}
	}
	bucket, err := f.visitStore(cmd.Context())
	if err != nil {
		return err
	}
	slides, misnamed := findSlides(cmd.Context(), intake.Ledger{Bucket: bucket}, args)
	if len(slides) > 1 && !f.many() {
		return errors.Join(f.oneFile(len(slides)), misnamed)
	}
	format, err := f.formatOf()
	if err != nil {
		return errors.Join(err, misnamed)
	}
	several := len(slides) > 1 || misnamed != nil
	var errs []error
	for i, path := range f.paths(slides, format) {
		err := f.one(cmd, bucket, format, &slides[i], path)
		if cmd.Context().Err() != nil {
			return errors.Join(append(errs, err)...)
		}
		if several {
			err = ofSeveral(err)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, misnamed)...)
}

// ofSeveral is the error of a slide among others: what was typed made sense for those.
func ofSeveral(err error) error {
	var usage *usageError
	if errors.As(err, &usage) {
		return usage.err
	}
	return err
}

// one writes the result of a slide.
func (f *exportFlags) one(cmd *cobra.Command, bucket store.Bucket, format exportFormat, line *intake.Line, path string) error {
	if err := vacant(f.force, path); err != nil {
		return err
	}
	run, err := finishedRun(cmd.Context(), bucket, line.Slide, &f.run)
	if errors.Is(err, errNoRun) && line.End != nil {
		err = fmt.Errorf("it %s and has no finished run here: %s", cmp.Or(endWords[line.End.State], "ended"), intake.PlainReason(line.End.Reason))
	}
	if err == nil {
		c := copying{bucket: bucket, slide: line.Slide, run: run.RunID, key: format.key(store.Slide(line.Slide).Run(run.RunID)), path: path}
		err = c.do(cmd.Context())
	}
	if err != nil {
		return fmt.Errorf("export %s: %w", called(&line.Entry), err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s of run %v%s\n", path, format.name, run, run.why)
	if err := sayUnlooked(cmd.Context(), cmd.ErrOrStderr(), bucket, path, &intake.Order{Slide: line.Slide, Run: run.RunID}); err != nil {
		return fmt.Errorf("%s of %s is written, but %w", path, called(&line.Entry), err)
	}
	return nil
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
		return fmt.Errorf("run %v of it is not there any more: try again", c.run)
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
