package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store/dzi"
	"github.com/slidemill/slidemill/pkg/tiler"
)

func newTile() *cobra.Command {
	var out string
	c := tiler.Config{}
	cmd := &cobra.Command{
		Use:     "tile SLIDE --out PATH.dzi",
		Short:   "Only the pyramid, as a Deep Zoom image",
		Example: "  slidemill tile slide.svs --out slide.dzi",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if filepath.Ext(out) != ".dzi" {
				return &usageError{errors.New("--out: want a name that ends in .dzi")}
			}
			return tile(cmd, c, args[0], strings.TrimSuffix(out, ".dzi"))
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "the Deep Zoom image to write: PATH.dzi and the folder PATH_files")
	f.IntVar(&c.Tile, "tile-size", 0, "side of a tile (default: the slide's own)")
	f.IntVar(&c.Quality, "quality", 0, "JPEG quality of every tile (default: the slide's own tiles are copied)")
	f.IntVar(&c.Workers, "workers", defaultWorkers(), "tiles made at once")
	return cmd
}

func tile(cmd *cobra.Command, c tiler.Config, path, out string) (err error) {
	ctx := cmd.Context()
	if c.Slide, err = slide.Open(ctx, path, slide.Options{}); err != nil {
		return err
	}
	defer closing(&err, c.Slide.Close)
	bucket, err := dzi.Open(out)
	if err != nil {
		return err
	}
	c.Bucket, c.Bare = bucket, true
	m := newMeter(cmd.ErrOrStderr())
	m.begin(filepath.Base(path))
	c.Progress = func(done, total int64) { m.set("tile", "tiles", done, total) }
	result, err := tiler.Cut(ctx, c)
	m.finish()
	if err != nil {
		return errors.Join(err, bucket.Remove(context.WithoutCancel(ctx)))
	}
	for _, l := range result.Levels {
		fmt.Fprintf(cmd.OutOrStdout(), "level %2d: %v, %d tiles copied, %d scaled, %d encoded\n", l.Level,
			pyramid.DeepZoom.LevelSize(result.Pyramid, l.Level), l.Copied, l.Scaled, l.Encoded)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s.dzi: open it in any Deep Zoom viewer\n", out)
	return err
}
