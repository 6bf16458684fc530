package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/synth"
)

func newSynth() *cobra.Command {
	var c synth.Config
	var size string
	var force bool
	cmd := &cobra.Command{
		Use:   "synth --out FILE.tiff",
		Short: "Draw a synthetic H&E-like slide of any size, with its true mask beside it",
		Long: `Synth draws a procedural slide (glass, stroma, glands, carcinoma-like areas) as a
tiled pyramidal BigTIFF, and the true mask as FILE.mask.tiff beside it. The same
seed draws the same slide. It says on its face that it is synthetic.`,
		Example: "  slidemill synth --out big.tiff --size 40000x40000 --seed 7",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.Path == "" {
				return &usageError{fmt.Errorf("--out is missing")}
			}
			if c.Size, err = pyramid.ParseSize(size); err != nil {
				return &usageError{err}
			}
			if err := vacant(force, c.Path, synth.MaskPath(c.Path)); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(c.Path), 0o755); err != nil {
				return fmt.Errorf("folder of --out: %w", err)
			}
			return drawSlide(cmd, c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Path, "out", "", "the slide to write")
	f.StringVar(&size, "size", "12000x9000", "width and height in pixels")
	f.Uint64Var(&c.Seed, "seed", 1, "which slide of all")
	f.Float64Var(&c.MPP, "mpp", 0.5, "microns per pixel")
	f.Float64Var(&c.Tissue, "tissue", 0, "share of the slide that tissue covers, up to 0.6 (default: as the seed has it, about a third)")
	f.IntVar(&c.Workers, "workers", defaultWorkers(), "tiles drawn at once")
	forceFlag(cmd, &force)
	return cmd
}

// drawSlide draws with a progress bar and says where the slide is.
func drawSlide(cmd *cobra.Command, c synth.Config) error {
	m := newMeter(cmd.ErrOrStderr())
	m.begin(c.Size.String())
	c.Progress = func(done, total int64) { m.set("draw", "tiles", done, total) }
	err := synth.Write(cmd.Context(), c)
	m.finish()
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: synthetic slide of %v, true mask in %s\n", c.Path, c.Size, synth.MaskPath(c.Path))
	return nil
}
