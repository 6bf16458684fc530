package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/npy"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

func newModelBench() *cobra.Command {
	var size string
	var threads int
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
			n, err := benched(args, at, input)
			if err != nil {
				return err
			}
			r, err := nn.Bench(cmd.Context(), n, input, nn.BenchConfig{Threads: threads})
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%.4f s, %.1f GFLOP, %.1f GFLOP/s, kernel %s, %d threads, arena %d MB\n",
				r.Seconds, r.GFLOP, r.GFLOPs, r.Kernel, r.Threads, r.ArenaBytes>>20)
			return err
		},
	}
	cmd.Flags().StringVar(&size, "size", "512x512", "height and width of the input")
	cmd.Flags().IntVar(&threads, "threads", 1, "threads of one forward pass")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// benched is the network of the file, or that of the built-in model.
func benched(args []string, at pyramid.Size, input net.Shape) (*net.Net, error) {
	if len(args) == 1 {
		return lowered(args[0], input)
	}
	m, err := openModel("")
	if err != nil {
		return nil, err
	}
	return m.Net(pyramid.Size{W: at.H, H: at.W}) // HxW, as above
}

func lowered(path string, input net.Shape) (*net.Net, error) {
	file, err := onnx.Open(path, onnx.Limits{})
	if err != nil {
		return nil, err
	}
	return file.Lower(input)
}

func newModelRun() *cobra.Command {
	var in, out string
	var threads int
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
			y, err := runTensor(cmd, args[0], x, threads)
			if err != nil {
				return err
			}
			return npy.Create(out, y)
		},
	}
	cmd.Flags().StringVar(&in, "in", "", "input, .npy")
	cmd.Flags().StringVar(&out, "out", "", "output, .npy")
	cmd.Flags().IntVar(&threads, "threads", 1, "threads of one forward pass")
	return cmd
}

// runTensor runs the images of a batch one after the other; the first output is returned.
func runTensor(cmd *cobra.Command, path string, x *net.Tensor, threads int) (_ *net.Tensor, err error) {
	if len(x.Shape) != 4 {
		return nil, fmt.Errorf("input of shape %v: want N, C, H, W", x.Shape)
	}
	shape := net.Shape{C: x.Shape[1], H: x.Shape[2], W: x.Shape[3]}
	n, err := lowered(path, shape)
	if err != nil {
		return nil, err
	}
	engine, err := nn.New(n, nn.Options{Threads: threads})
	if err != nil {
		return nil, err
	}
	network, err := engine.Compile(pyramid.Size{W: shape.W, H: shape.H}, 1)
	if err != nil {
		return nil, err
	}
	defer closing(&err, network.Close)
	total := 0
	for _, o := range network.Outputs() {
		total += o.C * o.H * o.W
	}
	first := network.Outputs()[0]
	one, all := first.C*first.H*first.W, make([]float32, total)
	y := &net.Tensor{Shape: []int{x.Shape[0], first.C, first.H, first.W}}
	each := shape.C * shape.H * shape.W
	for i := range x.Shape[0] {
		if err := network.Run(cmd.Context(), x.Data[i*each:(i+1)*each], all); err != nil {
			return nil, err
		}
		y.Data = append(y.Data, all[:one]...)
	}
	return y, nil
}
