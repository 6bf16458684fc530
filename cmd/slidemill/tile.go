package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/tiler"
	"github.com/slidemill/slidemill/workers"
)

// tileFlags is what `tile` can be told.
type tileFlags struct {
	place
	out    string
	json   bool
	force  bool
	config tiler.Config
}

func newTile() *cobra.Command {
	var f tileFlags
	cmd := &cobra.Command{
		Use:   "tile SLIDE --out PATH.dzi|PATH.szi|s3://BUCKET/PREFIX",
		Short: "Only the pyramid, as a Deep Zoom image",
		Long: `Tile writes the pyramid of a slide and nothing else: as a Deep Zoom image (PATH.dzi and the folder
PATH_files), or as one zip file of the same (SZI), on disk or in S3 (PREFIX/pyramid.szi, or the
name given). The slide's own JPEG tiles are copied; --quality compresses all of them anew.

What is there already is left alone. With --force an archive is replaced once the new one is whole;
of a Deep Zoom image the old tiles are removed first.`,
		Example: `  slidemill tile slide.svs --out slide.dzi
  slidemill tile slide.svs --out slide.szi
  slidemill tile slide.svs --out s3://pathology/pyramids/4711`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return refused(cmd, args[0], f.json, f.tile(cmd, args[0]))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "where to: PATH.dzi, PATH.szi or s3://BUCKET/PREFIX")
	fl.IntVar(&f.config.Tile, "tile-size", 0, "side of a tile, 2 to 4096 pixels (default: the slide's own)")
	fl.IntVar(&f.config.Quality, "quality", 0, "JPEG quality of every tile, 1 to 100 (default: the slide's own tiles are copied)")
	fl.IntVar(&f.config.Workers, "workers", defaultWorkers(), "tiles made at once")
	fl.BoolVar(&f.json, "json", false, "one JSON object on stdout: what was made of each level")
	forceFlag(cmd, &f.force)
	return cmd
}

// tileReport is what `tile --json` says.
type tileReport struct {
	Out     string             `json:"out"`
	Width   int                `json:"width"`
	Height  int                `json:"height"`
	Tile    int                `json:"tile"`
	Tiles   int64              `json:"tiles"`
	Bytes   int64              `json:"bytes"`
	Levels  []tiler.LevelCount `json:"levels"`
	Seconds float64            `json:"seconds"`
}

// tileSlack is heapSlack for `tile`, whose heap is some ten megabytes of buffers that are used again: what waits for
// the collector would be a tenth of the process.
const tileSlack = 10

func (f *tileFlags) tile(cmd *cobra.Command, path string) (err error) {
	if err := errors.Join(f.config.Validate(), checkWorkers(f.config.Workers, 1)); err != nil {
		return &usageError{err}
	}
	setHeapSlack(tileSlack)
	ctx, budget := workers.NewBudget(cmd.Context())
	defer budget.Close()
	started, c := time.Now(), f.config
	if c.Slide, err = openInTime(ctx, budget, path); err != nil {
		return err
	}
	defer func() {
		if !budget.LeftBehind() { // else somebody still reads from it, for as long as this process lives
			closing(&err, c.Slide.Close)
		}
	}()
	out, err := f.open(ctx, budget, &c)
	if err != nil {
		return err
	}
	c.Bare = true
	m := newMeter(cmd.ErrOrStderr())
	m.begin(slide.FileName(path))
	c.Progress = func(done, total int64) { m.set("tile", "tiles", done, total) }
	result, err := cutInTime(ctx, budget, c)
	m.finish()
	if err == nil {
		err = out.commit()
	}
	if err != nil {
		return errors.Join(err, out.abort(context.WithoutCancel(ctx)))
	}
	return f.report(cmd, &result, time.Since(started))
}

// openInTime opens a slide, grants the time that it needs and leaves it behind where it does not open.
func openInTime(ctx context.Context, budget *workers.Budget, path string) (slide.Slide, error) {
	var s slide.Slide
	err := budget.Do(ctx, func() error {
		bytes, err := slide.Remote(openObject).Bytes(ctx, path)
		if err != nil {
			bytes = 0 // opening says what is wrong
		}
		opened, err := openSlide(ctx, path, slide.Options{})
		if err != nil {
			return err
		}
		budget.Grant(bytes, opened.Info().Size().Pixels())
		s = opened
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// cutInTime cuts the slide, or leaves the work behind where its storage does not answer.
func cutInTime(ctx context.Context, budget *workers.Budget, c tiler.Config) (result tiler.Result, err error) {
	var made tiler.Result
	if err := budget.Do(ctx, func() (err error) { made, err = tiler.Cut(ctx, c); return err }); err != nil {
		return result, err
	}
	return made, nil
}

func (f *tileFlags) report(cmd *cobra.Command, r *tiler.Result, took time.Duration) error {
	w := cmd.OutOrStdout()
	if f.json {
		return json.NewEncoder(w).Encode(tileReport{
			Out: f.out, Width: r.Pyramid.Size.W, Height: r.Pyramid.Size.H, Tile: r.Pyramid.Tile,
			Tiles: r.Tiles(), Bytes: r.Bytes, Levels: r.Levels, Seconds: took.Seconds(),
		})
	}
	for _, l := range r.Levels {
		fmt.Fprintf(w, "level %2d: %v, %s copied, %d scaled, %d encoded\n", l.Level,
			r.Pyramid.LevelSize(l.Level), count(int(l.Copied), "tile"), l.Scaled, l.Encoded)
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", f.out, opener(f.out))
	return err
}

// opener says what opens a pyramid, by the name of --out. Deep Zoom viewers ask for files by their addresses and find
// none inside a zip file.
func opener(out string) string {
	if filepath.Ext(out) == ".dzi" {
		return "open it in any Deep Zoom viewer, such as OpenSeadragon"
	}
	return "one SZI archive; slidemill inspect and run, and viewers that read SZI, open it"
}
