package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// fingerprintFlags is what `model fingerprint` can be told.
type fingerprintFlags struct {
	labelledFlags
	split, out string
}

func newModelFingerprint() *cobra.Command {
	var f fingerprintFlags
	cmd := &cobra.Command{
		Use:   "fingerprint [MODEL.onnx] --data DIR --out NEW.onnx",
		Short: "Teach a model what its training images look like, without training",
		Long: `Fingerprint measures stain, brightness, sharpness and texture of the images that a model
was trained on and writes the model anew with that knowledge; the network stays as it
is, byte for byte. With it, runs mark tissue that looks like nothing in training as
uncertain. Train does the same at its end; this command is for models made elsewhere,
and for widening the fingerprint to a laboratory whose slides were evaluated.

` + labelledHelp,
		Example: "  slidemill model fingerprint carcinoma.onnx --data ebhi-seg --out carcinoma.onnx",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.data == "" || f.out == "" {
				return &usageError{errors.New("--data and --out are needed")}
			}
			return addFingerprint(cmd, &f, strings.Join(args, ""))
		},
	}
	f.labelledFlags.flags(cmd)
	cmd.Flags().StringVar(&f.split, "split", "train", "which split; empty if DIR holds the images")
	cmd.Flags().StringVar(&f.out, "out", "", "the model to write; may be the same file")
	return cmd
}

func addFingerprint(cmd *cobra.Command, f *fingerprintFlags, path string) error {
	file, err := modelFile(path)
	if err != nil {
		return err
	}
	m, err := segment.ReadModel(file)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	look, err := f.measure(cmd.Context(), m)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(look)
	if err != nil {
		return fmt.Errorf("fingerprint: %w", err)
	}
	changed, err := segment.Redescribe(file, func(d *segment.Description) { d.Fingerprint = raw })
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := replaceFile(f.out, changed); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: fingerprint of %s, %d patches; limit %.2f, median %.2f, %.1f %% of the patches beyond it\n",
		f.out, count(look.Images, "image"), look.Patches, look.Limit, look.Quantiles[0], 100*look.FalseAlarms)
	return err
}

// modelFile is the bytes of --model, or of the model in the binary.
func modelFile(path string) ([]byte, error) {
	if path == "" {
		return builtin.File(), nil
	}
	if err := checkNetwork(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

func (f *fingerprintFlags) measure(ctx context.Context, m *segment.Model) (*fingerprint.Fingerprint, error) {
	data, err := f.load(ctx, f.split)
	if err != nil {
		return nil, err
	}
	cases, err := data.images(ctx, m.Description.MPP)
	if err != nil {
		return nil, err
	}
	look, err := train.Fingerprint(cases)
	if err != nil {
		return nil, fmt.Errorf("fingerprint: %w; images must be at least %d pixels wide and high", err, fingerprint.PatchSide)
	}
	return look, nil
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, data []byte) error {
	tmp := path + ".part"
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write model: %w", errors.Join(err, os.Remove(tmp)))
	}
	return nil
}
