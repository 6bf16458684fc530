package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/synth"
)

// demoSize shows every kind of tissue and is done in seconds.
var demoSize = pyramid.Size{W: 12000, H: 9000}

func newDemo() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make a synthetic slide and run the whole job on it",
		Long: `Demo draws a synthetic H&E-like slide, runs the whole job on it and says where the
results are and how to look at them. The slide shows no patient: every pixel is
computed. It says so on its face. The model knows only real tissue, so that it counts
much of what is drawn as uncertain.`,
		Example: "  slidemill demo",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := filepath.Join(f.data, "demo.tiff")
			if err := makeDemo(cmd, &f, path); err != nil {
				return err
			}
			f.drawn = true
			return runSlides(cmd, &f, []string{path})
		},
	}
	f.flags(cmd)
	return cmd
}

// makeDemo draws the demo slide unless it is there already.
func makeDemo(cmd *cobra.Command, f *runFlags, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := makeData(f.data); err != nil {
		return err
	}
	return drawSlide(cmd, synth.Config{Path: path, Size: demoSize, Seed: 1, Workers: f.workers})
}
