package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

func newModel() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "What a model is, brings and costs",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModelInspect(), newModelImport(), newModelFingerprint(), newModelCompare(), newModelBench(), newModelRun())
	return cmd
}

func newModelInspect() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "inspect [FILE.onnx]",
		Short:   "Say what a model is: classes, scale, receptive field, cost, card",
		Example: "  slidemill model inspect            the built-in model",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := openModel(strings.Join(args, ""))
			if err != nil {
				return err
			}
			v, err := viewModel(m)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
			}
			v.print(cmd.OutOrStdout())
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// modelView is what inspect shows of a model.
type modelView struct {
	segment.Description
	SHA256     string          `json:"sha256"`
	Bytes      int             `json:"bytes"`
	Weights    int64           `json:"weights"`
	Field      segment.Field   `json:"field"`
	Windows    segment.Windows `json:"windows,omitzero"`
	Unbounded  string          `json:"unbounded,omitempty"` // why there is no receptive field, and with it windows
	Reach      string          `json:"reach"`
	GFLOP      float64         `json:"gflop_512"`     // of a forward pass of 512×512
	GFLOPPerMM float64         `json:"gflop_per_mm2"` // without halo
	HaloCost   float64         `json:"halo_cost"`     // pixels computed again, as a share, at the default region
}

func viewModel(m *segment.Model) (*modelView, error) {
	side := 512
	if m.Unbounded != "" {
		side = m.Windows.Side
	}
	n, err := m.Net(pyramid.Size{W: side, H: side})
	if err != nil {
		return nil, err
	}
	flops, weights, err := n.Cost(net.Shape{C: 3, H: side, W: side})
	if err != nil {
		return nil, err
	}
	gflop := float64(flops) / 1e9 / float64(side*side)
	mm := m.Description.MPP / 1000
	return &modelView{
		Description: m.Description, SHA256: m.Ref.SHA256, Bytes: m.Bytes, Weights: weights, Field: m.Field,
		Windows: m.Windows, Unbounded: m.Unbounded, Reach: m.Reach(),
		GFLOP: gflop * 512 * 512, GFLOPPerMM: gflop / (mm * mm), HaloCost: overhead(m),
	}, nil
}

// overhead is the arithmetic beyond that of each pixel once, as a share, with regions of the default side.
func overhead(m *segment.Model) float64 {
	if m.Unbounded != "" {
		return m.Windows.Cost(segment.DefaultRegion) - 1
	}
	grown := 1 + 2*float64(m.Field.Halo)/segment.DefaultRegion
	return grown*grown - 1
}

func (v *modelView) print(out io.Writer) {
	d := v.Description
	fmt.Fprintf(out, "%s %s\n  sha256     %s\n  classes    %s\n", d.Name, d.Version, v.SHA256, strings.Join(d.Classes, ", "))
	fmt.Fprintf(out, "  scale      %g µm/px\n  threshold  %g, temperature %.3g\n", d.MPP, d.Threshold, d.Temperature)
	fmt.Fprintf(out, "  size       %d bytes, %d weights\n", v.Bytes, v.Weights)
	fmt.Fprintf(out, "  cost       %.1f GFLOP per 512×512, %.0f GFLOP per mm²\n", v.GFLOP, v.GFLOPPerMM)
	fmt.Fprintf(out, "  reach      %s\n", v.Reach)
	fmt.Fprintf(out, "  overhead   %.2f times the arithmetic of each pixel once, with regions of %d\n", 1+v.HaloCost, segment.DefaultRegion)
	if len(d.Card) > 0 {
		fmt.Fprintln(out, "  card       slidemill model inspect --json")
	}
}

func newModelImport() *cobra.Command {
	var description, out string
	cmd := &cobra.Command{
		Use:   "import FILE.onnx --description FILE.json --out MODEL.onnx",
		Short: "Make an ONNX file a model by saying what its outputs mean",
		Long: `Import writes the network with its description into one file that --model takes.
The description is JSON: name, version, classes (one per output channel), carcinoma
and high_grade (indexes; high_grade may be -1), mpp, mean and std (of RGB on 0..1),
output ("logits" or "probabilities"), and for a network without a receptive field
window, the side of the pictures it was trained on (64 to 1024, default 512): such a
network sees windows of that side, which overlap by half and are blended.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if description == "" || out == "" {
				return &usageError{errors.New("--description and --out are needed")}
			}
			return importModel(cmd, args[0], description, out)
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what the outputs mean, as JSON")
	cmd.Flags().StringVar(&out, "out", "", "the model to write")
	return cmd
}

// importSide is the input for which an imported graph's shape arithmetic is worked out: that of a window,
// should it need windows.
func importSide(d *segment.Description) int {
	if d.Window > 0 {
		return d.Window
	}
	return segment.DefaultWindow
}

func importModel(cmd *cobra.Command, path, description, out string) error {
	if err := errors.Join(checkNetwork(path), checkNamed("--description", description, false, "name the JSON file that describes the model")); err != nil {
		return err
	}
	text, err := os.ReadFile(description)
	if err != nil {
		return fmt.Errorf("description: %w", err)
	}
	var d segment.Description
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("description %s: %w", description, err)
	}
	if err := d.Validate(); err != nil {
		return fmt.Errorf("description %s: %w", description, err)
	}
	file, err := onnx.Open(path, onnx.Limits{})
	if err != nil {
		return err
	}
	n, err := file.Lower(net.Shape{C: 3, H: importSide(&d), W: importSide(&d)})
	if err != nil {
		return err
	}
	if err := writeModel(out, n, &d); err != nil {
		return err
	}
	m, err := segment.OpenModel(out)
	if err != nil {
		return errors.Join(err, os.Remove(out))
	}
	v, err := viewModel(m)
	if err != nil {
		return err
	}
	v.print(cmd.OutOrStdout())
	return nil
}

func writeModel(path string, n *net.Net, d *segment.Description) (err error) {
	metadata, err := d.Metadata()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	defer closing(&err, f.Close)
	return onnx.Write(f, n, onnx.WriteOptions{Metadata: metadata})
}
