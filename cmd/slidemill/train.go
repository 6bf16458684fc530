package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/train"
)

// trainFlags is what `train` can be told.
type trainFlags struct {
	labelledFlags
	out, dir, init, name, version string
	mpp                           float64
	epochs, threads               int
	seed                          uint64
	force                         bool
}

func newTrain() *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "train --data DIR --out MODEL.onnx",
		Short: "Train a model on labelled images, on this machine's cores",
		Long: `Train learns from labelled images or annotated slides and writes the model with its
card, the curves and the figures on the validation patients. The same seed and data give
the same bytes. It prints the seconds per training image, loss, Dice and the time left.

It keeps a checkpoint after every epoch in --dir; the same command goes on from there, ends in
the same bytes and writes over the model. Where there is no checkpoint, a model that is there
already is written over with --force only. --force does not begin anew: to do that, or to train
with other data or another recipe, which the checkpoint refuses, remove it or name another --dir.
--init fine-tunes a model instead of starting from nothing.

` + labelledHelp,
		Example: `  slidemill train --data ebhi-seg --out carcinoma.onnx
  slidemill train --data our-lab --init carcinoma.onnx --epochs 8 --out ours.onnx
  slidemill train --data slides --outside background --init carcinoma.onnx --out ours.onnx`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.data == "" || f.out == "" {
				return &usageError{errors.New("--data and --out are needed")}
			}
			return trainModel(cmd, &f)
		},
	}
	recipe, fl := train.DefaultRecipe(), cmd.Flags()
	f.labelledFlags.flags(cmd)
	fl.StringVar(&f.out, "out", "", "the model to write")
	fl.StringVar(&f.dir, "dir", "", "folder for checkpoint, history and curves (default: OUT without its extension, plus .training)")
	fl.StringVar(&f.init, "init", "", "model to start from")
	fl.StringVar(&f.name, "name", "carcinoma", "name of the model")
	fl.StringVar(&f.version, "version", "1.0.0", "version of the model")
	fl.Float64Var(&f.mpp, "mpp", 1.3, "scale of the images and of the model, µm/px; slides are resampled to it")
	fl.IntVar(&f.epochs, "epochs", 0, "times each image is seen (default: the recipe's)")
	fl.IntVar(&f.threads, "threads", defaultWorkers(), "threads of a step; the weights do not depend on it")
	fl.Uint64Var(&f.seed, "seed", recipe.Seed, "of everything that is drawn")
	forceFlag(cmd, &f.force)
	fl.Lookup("force").Usage = "write over a model that is there already and has no checkpoint; a checkpoint is gone on from even so"
	return cmd
}

func trainModel(cmd *cobra.Command, f *trainFlags) error {
	ctx := cmd.Context()
	if err := f.vacant(); err != nil {
		return err
	}
	config, err := f.config(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(config.Dir, 0o755); err != nil {
		return fmt.Errorf("training folder: %w", err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s for training, %d for validation, checkpoints in %s\n", count(len(config.Train), "image"), len(config.Val), config.Dir)
	m := newMeter(cmd.ErrOrStderr())
	m.begin(f.name)
	result, err := train.Run(ctx, *config, func(p train.Progress) {
		m.set("train", "steps", int64((p.Epoch-1)*p.Steps+p.Step), int64(p.Epochs*p.Steps))
		if p.Record != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), epochLine(p))
		}
	})
	m.finish()
	if err != nil {
		return err
	}
	return f.export(cmd, config, result)
}

// folder is where the training keeps what it goes on from.
func (f *trainFlags) folder() string { return cmp.Or(f.dir, stem(f.out)+".training") }

// cardFile is where the model's card goes.
func (f *trainFlags) cardFile() string { return stem(f.out) + ".md" }

// vacant refuses to write over a model, unless it is this training's own: one that goes on from its checkpoint ends in
// the same bytes, and one of another recipe is refused by the checkpoint.
func (f *trainFlags) vacant() error {
	return vacant(f.force || train.Begun(f.folder()), f.out, f.cardFile())
}

func epochLine(p train.Progress) string {
	text := fmt.Sprintf("epoch %d/%d: loss %.4f, %.0f ms/image, ETA %v", p.Epoch, p.Epochs, p.Record.Loss, 1000*p.SecondsPerImage, p.ETA.Round(time.Second))
	if v := p.Record.Val; v != nil {
		text += fmt.Sprintf("; validation: carcinoma Dice %.4f, AUC %.4f, false area %.2f %%, ECE %.3f", v.Dice, v.AUC, 100*v.FalseArea, v.ECE)
	}
	return text
}

func (f *trainFlags) config(ctx context.Context) (*train.Config, error) {
	recipe := train.DefaultRecipe()
	if f.init != "" {
		recipe = train.FineTuneRecipe()
	}
	recipe.Seed = f.seed
	if f.epochs > 0 {
		recipe.Epochs = f.epochs
	}
	c := &train.Config{Recipe: recipe, Dir: f.folder(), Backend: train.Gorgonia{Threads: f.threads}}
	for split, into := range map[string]*[]train.Case{"train": &c.Train, "val": &c.Val} {
		data, err := f.load(ctx, split)
		if err != nil {
			return nil, err
		}
		if *into, err = data.images(ctx, f.mpp); err != nil {
			return nil, err
		}
	}
	var err error
	c.Start, err = f.start(&c.Recipe)
	return c, err
}

// start is the network to begin with: drawn from the seed, or that of --init.
func (f *trainFlags) start(recipe *train.Recipe) (*net.Net, error) {
	if f.init == "" {
		a := train.DefaultArchitecture()
		a.Seed = f.seed
		return train.Network(a), nil
	}
	file, err := os.ReadFile(f.init)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &usageError{fmt.Errorf("--init %s: no such file", f.init)}
	}
	if err != nil {
		return nil, fmt.Errorf("initial model: %w", err)
	}
	n, norm, err := train.Init(file)
	recipe.Norm = norm
	return n, err
}

// export calibrates and judges the best weights and writes the model, its card and its figures.
func (f *trainFlags) export(cmd *cobra.Command, c *train.Config, r *train.Result) error {
	if c.Recipe.Norm == (train.Normalisation{}) {
		c.Recipe.Norm = train.Measure(c.Train)
	}
	m, err := train.Export(cmd.Context(), train.Package{
		Net: r.Net, Name: f.name, Version: f.version, MPP: f.mpp, Recipe: c.Recipe, Train: c.Train, Val: c.Val,
		Backend: c.Backend, History: r.History, Card: f.card(c), Program: "slidemill train",
	})
	if err != nil {
		return err
	}
	card, err := m.Card.Markdown()
	if err != nil {
		return err
	}
	for path, data := range map[string][]byte{f.out: m.File, f.cardFile(): []byte(card)} {
		if err := writeTo(path, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
			return err
		}
	}
	images, seconds := 0, 0.0
	for _, e := range r.History {
		images, seconds = images+e.Images, seconds+e.Seconds
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%.3f s per training image\n", seconds/float64(max(images, 1)))
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes, best epoch %d of %d; card in %s\n", f.out, len(m.File), r.BestEpoch, len(r.History), f.cardFile())
	return writeReport(filepath.Join(c.Dir, "validation"), m.Report)
}

// card is what can be said of a model that a laboratory trains: that of the built-in model only if the
// data are the same.
func (f *trainFlags) card(c *train.Config) train.Card {
	start := ""
	if f.init != "" {
		start = "It went on from another model, whose attribution and licence hold for it, too. "
	}
	if own, err := builtin.Model(); err == nil && f.init == "" {
		var known train.Card
		if json.Unmarshal(own.Description.Card, &known) == nil && known.DataSHA256["train"] == train.DataHash(c.Train) {
			card := train.BuiltinCard()
			card.Remark = ""
			return card
		}
	}
	return train.Card{
		IntendedUse:  "Research only, on slides like those that it was trained on: the same organ, stain, scanner and scale.",
		Limits:       []string{"Nobody has written down yet where this model fails: look at its validation report, and at its worst images, first."},
		Data:         "Images or annotated slides of a laboratory, split by patient; their hashes are below.",
		Attribution:  start + "The data belong to who provided them.",
		Licence:      "That of the data.",
		Architecture: "A U-Net at half resolution with residual encoder pairs, five levels, batch norm and ReLU; the logits are enlarged to full resolution.",
		Command:      fmt.Sprintf("slidemill train --data %s --name %s --mpp %g --epochs %d --seed %d", filepath.Base(f.data), f.name, f.mpp, c.Recipe.Epochs, c.Recipe.Seed),
	}
}
