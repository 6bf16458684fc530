package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/slide"
)

func newInspect() *cobra.Command {
	var asJSON bool
	var mpp float64
	cmd := &cobra.Command{
		Use:   "inspect SLIDE",
		Short: "Say what a slide file is: vendor, size, levels, codec, scale",
		Long: `Inspect reads what a slide file says of itself, and decodes the tiles in the corners and the
middle of the finest level. That they can be read does not prove that all can; that one cannot
means that run would fail. Of a slide in S3 no tile is read.

Exit codes: 0 the slide opens and the tiles can be read, 1 not so, 2 usage.`,
		Example: "  slidemill inspect slide.svs --json\n  slidemill inspect s3://scanner/2026/4711.svs",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			s, err := openSlide(cmd.Context(), args[0], slide.Options{MPP: mpp})
			if err != nil {
				return refused(cmd, args[0], asJSON, err)
			}
			defer closing(&err, s.Close)
			var probe slide.Probe
			if !slide.IsRemote(args[0]) { // where a look is to cost kilobytes
				if probe, err = slide.Try(cmd.Context(), s); err != nil {
					return refused(cmd, args[0], asJSON, err)
				}
			}
			if asJSON {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(inspected(args[0], s.Info(), probe))
			} else {
				describe(cmd.OutOrStdout(), args[0], s.Info())
			}
			return errors.Join(err, unreadable(args[0], probe))
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
	// Tried tiles were decoded to see whether they can be; Unreadable says why some cannot.
	Tried      int      `json:"tried_tiles"`
	Unreadable []string `json:"unreadable_tiles,omitempty"`
}

func inspected(path string, info slide.Info, probe slide.Probe) inspection {
	i := inspection{File: slide.FileName(path), Width: info.Size().W, Height: info.Size().H, Info: info, Tried: probe.Tried}
	for _, err := range probe.Failed {
		i.Unreadable = append(i.Unreadable, err.Error())
	}
	return i
}

// unreadable is the error of a slide that opens but cannot be read.
func unreadable(path string, probe slide.Probe) error {
	if len(probe.Failed) == 0 {
		return nil
	}
	return fmt.Errorf("%s: it opens, but %d of the %d tiles tried cannot be read: %s",
		path, len(probe.Failed), probe.Tried, intake.Reason(probe.Failed[0]))
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
