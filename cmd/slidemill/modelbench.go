package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/npy"
)

func newModelBench() *cobra.Command {
	var raw rawModel
	var cfg nn.BenchConfig
	var how convolving
	var size string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "bench [FILE.onnx] --size HxW --threads N",
		Short:   "Time of a forward pass: median after warm-up",
		Example: "  slidemill model bench unet.onnx --size 512x512 --threads 2 --json",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := pyramid.ParseSize(size)
			if err != nil {
				return &usageError{err}
			}
			input := net.Shape{C: 3, H: at.W, W: at.H} // the flag is HxW, as the field writes tensors
			raw.path = strings.Join(args, "")
			r, err := raw.bench(cmd.Context(), input, how, cfg)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%.4f s, %.1f GFLOP, %.1f GFLOP/s, kernel %s, convolutions %s, %d workers × %d threads: %.3f megapixels/s, arena %d MB, %d allocations\n",
				r.Seconds, r.GFLOP, r.GFLOPs, r.Kernel, r.Tiling, r.Workers, r.Threads, r.Megapixels, r.ArenaBytes>>20, r.Allocations)
			return err
		},
	}
	cmd.Flags().StringVar(&size, "size", "512x512", "height and width of the input")
	raw.flags(cmd)
	cmd.Flags().IntVar(&cfg.Workers, "workers", 1, "forward passes at once, as regions are segmented")
	cmd.Flags().BoolVar(&how.direct, "direct", false, "convolve directly; else by Winograd's algorithm where that is faster")
	cmd.Flags().BoolVar(&how.regions, "regions", false, "convolve as the regions of slides are: by Winograd's algorithm where the model's halo has room for it")
	cmd.MarkFlagsMutuallyExclusive("direct", "regions")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// convolving is how a forward pass is to convolve: fastest, unless told.
type convolving struct{ direct, regions bool }

// tiling of a model file; empty is the built-in one.
func (c convolving) tiling(path string) (nn.Tiling, error) {
	switch {
	case c.direct:
		return nn.Tiling{}, nil
	case !c.regions:
		return nn.Fastest(), nil
	}
	m, err := openModel(path)
	if err != nil {
		return nn.Tiling{}, err
	}
	e, err := nn.ForModel(m, 1)
	if err != nil {
		return nn.Tiling{}, err
	}
	return e.Tiling(), nil
}

// bench times the engine that was asked for.
func (r *rawModel) bench(ctx context.Context, input net.Shape, how convolving, cfg nn.BenchConfig) (nn.Timing, error) {
	d, err := openDriver(r.engine)
	if err != nil {
		return nn.Timing{}, err
	}
	if d.runtime != nil && (cfg.Workers > 1 || how != (convolving{})) {
		return nn.Timing{}, &usageError{fmt.Errorf("--workers, --direct and --regions are for --engine %s", engineGorgonia)}
	}
	n, err := r.lower(input)
	if err != nil {
		return nn.Timing{}, err
	}
	if d.runtime != nil {
		return r.time(ctx, d, n, input)
	}
	if cfg.Tiling, err = how.tiling(r.path); err != nil {
		return nn.Timing{}, err
	}
	cfg.Threads = r.threads
	return nn.Bench(ctx, n, input, cfg)
}

func newModelRun() *cobra.Command {
	var raw rawModel
	var in, out string
	cmd := &cobra.Command{
		Use:   "run FILE.onnx --in x.npy --out y.npy",
		Short: "Raw tensors in and out (float32 NCHW), to compare with other runtimes",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if in == "" || out == "" {
				return &usageError{errors.New("--in and --out are needed")}
			}
			x, err := npy.Open(in)
			if err != nil {
				return err
			}
			raw.path = args[0]
			y, err := raw.run(cmd.Context(), x)
			if err != nil {
				return err
			}
			return npy.Create(out, y)
		},
	}
	cmd.Flags().StringVar(&in, "in", "", "input, .npy")
	cmd.Flags().StringVar(&out, "out", "", "output, .npy")
	raw.flags(cmd)
	return cmd
}

// run runs the images of a batch one after the other; the first output is returned.
func (r *rawModel) run(ctx context.Context, x *net.Tensor) (_ *net.Tensor, err error) {
	if len(x.Shape) != 4 {
		return nil, fmt.Errorf("input of shape %v: want N, C, H, W", x.Shape)
	}
	shape := net.Shape{C: x.Shape[1], H: x.Shape[2], W: x.Shape[3]}
	d, err := openDriver(r.engine)
	if err != nil {
		return nil, err
	}
	n, err := r.lower(shape)
	if err != nil {
		return nil, err
	}
	shapes, err := n.Shapes(shape)
	if err != nil {
		return nil, err
	}
	network, err := r.network(d, n, shape)
	if err != nil {
		return nil, err
	}
	defer closing(&err, network.Close)
	first := shapes[n.Outputs[0]]
	one, all := first.C*first.H*first.W, make([]float32, outFloats(n, shapes))
	y := &net.Tensor{Shape: []int{x.Shape[0], first.C, first.H, first.W}}
	each := shape.C * shape.H * shape.W
	for i := range x.Shape[0] {
		if err := network.Run(ctx, x.Data[i*each:(i+1)*each], all); err != nil {
			return nil, err
		}
		y.Data = append(y.Data, all[:one]...)
	}
	return y, nil
}
