package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/slide"
)

func newInspect() *cobra.Command {
	var asJSON bool
	var mpp float64
	cmd := &cobra.Command{
		Use:     "inspect SLIDE",
		Short:   "Say what a slide file is: vendor, size, levels, codec, scale",
		Example: "  slidemill inspect slide.svs --json\n  slidemill inspect s3://scanner/2026/4711.svs",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			s, err := openSlide(cmd.Context(), args[0], slide.Options{MPP: mpp})
			if err != nil {
				return err
			}
			defer closing(&err, s.Close)
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(inspection{slide.FileName(args[0]), s.Info().Size().W, s.Info().Size().H, s.Info()})
			}
			describe(cmd.OutOrStdout(), args[0], s.Info())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	cmd.Flags().Float64Var(&mpp, "mpp", 0, "microns per pixel, to see what --mpp would make of it")
	return cmd
}

// inspection is what inspect --json prints.
type inspection struct {
	File   string `json:"file"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	slide.Info
}

func describe(out io.Writer, path string, info slide.Info) {
	fmt.Fprintf(out, "%s: %s, %v px, %v\n", path, info.Vendor, info.Size(), info.MPP)
	for i, l := range info.Levels {
		fmt.Fprintf(out, "  level %d: %v, tiles %v, %s, downsample %.4g\n", i, l.Size, l.TileSize, l.Codec, l.Downsample)
	}
	if info.Objective > 0 {
		fmt.Fprintf(out, "  objective: %gx\n", info.Objective)
	}
	if c := info.Colour; c != nil {
		fmt.Fprintf(out, "  colour profile: %s\n", c)
	}
	if len(info.Associated) > 0 {
		fmt.Fprintf(out, "  associated images: %s\n", strings.Join(info.Associated, ", "))
	}
	if !info.MPP.Known() {
		fmt.Fprintln(out, "  the scale is unknown: run needs --mpp")
	}
}
