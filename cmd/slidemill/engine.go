package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/ort"
)

// The values of --engine.
const (
	engineGorgonia = "gorgonia"
	engineONNX     = "onnxruntime"
)

// engineFlag adds --engine to a command.
func engineFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "engine", engineGorgonia, "what runs the network: gorgonia, or onnxruntime where it is installed (see slidemill doctor)")
}

// threadsFlag adds --threads to a command.
func threadsFlag(cmd *cobra.Command, threads *int) {
	cmd.Flags().IntVar(threads, "threads", 1, "threads of each worker's network; the result does not depend on it")
}

// driver is what runs networks.
type driver struct {
	name     string          // as segment.Parameters.Engine has it; of our own it is known once a model is
	own      *nn.ModelEngine // of the model, if it is our own
	runtime  *ort.Runtime
	provider ort.Provider
	threads  int // of one network; 0 is 1
}

// maxThreads is more than any network here can use.
const maxThreads = 64

// openThreaded finds what --engine names and gives its networks --threads.
func openThreaded(name string, threads int) (driver, error) {
	if threads < 0 || threads > maxThreads {
		return driver{}, &usageError{fmt.Errorf("--threads %d: want 1 to %d", threads, maxThreads)}
	}
	d, err := openDriver(name)
	d.threads = threads
	return d, err
}

// openFor finds what --engine names and makes it ready for a model.
func openFor(name string, threads int, m *segment.Model) (driver, error) {
	d, err := openThreaded(name, threads)
	if err != nil {
		return d, err
	}
	err = d.ready(m)
	return d, err
}

// ready makes the driver ready for a model, which decides how our own engine convolves.
func (d *driver) ready(m *segment.Model) (err error) {
	if d.runtime != nil {
		return nil
	}
	if d.own, err = nn.ForModel(m, d.threads); err == nil {
		d.name = d.own.Name()
	}
	return err
}

// openDriver finds what --engine names.
func openDriver(name string) (driver, error) {
	switch name {
	case engineGorgonia, "":
		return driver{}, nil
	case engineONNX:
		provider, err := ort.ParseProvider(os.Getenv(ort.EnvProvider))
		if err != nil {
			return driver{}, &usageError{fmt.Errorf("%s: %w", ort.EnvProvider, err)}
		}
		r, err := ort.Find()
		if err == nil {
			err = r.Has(provider)
		}
		if err != nil {
			return driver{}, fmt.Errorf("engine %s: %w", name, err)
		}
		return driver{name: r.Name(provider), runtime: r, provider: provider}, nil
	}
	return driver{}, &usageError{fmt.Errorf("engine %q: want %s or %s", name, engineGorgonia, engineONNX)}
}

// engines says what --engine can name on this machine. ONNX Runtime is never needed, so its absence is no
// failure.
func engines() string {
	r, err := ort.Find()
	switch {
	case errors.Is(err, ort.ErrNotFound) && os.Getenv(ort.EnvLibrary) == "":
		return engineGorgonia + "; onnxruntime not installed (optional)"
	case errors.Is(err, ort.ErrNotFound):
		return engineGorgonia + "; onnxruntime (optional) cannot be loaded from what " + ort.EnvLibrary + " names"
	case err != nil:
		return engineGorgonia + "; onnxruntime (optional) cannot be used: " + err.Error()
	}
	return fmt.Sprintf("%s; onnxruntime %s at %s on %v (--engine onnxruntime)", engineGorgonia, r.Version, r.Path, r.Providers())
}

// engine computes a model's calibrated probabilities, each network on one thread unless told: cores are filled by
// workers, which wait for nobody, where the threads of one network meet at every operator. On a quiet
// machine with two cores, regions of 2048 pixels of the built-in model went through two workers at 7.07
// and 6.95 megapixels per second, through one worker of two threads at 6.37 and 6.76, in turn
// (scripts/bench-peers.sh --ours). One worker needs half the memory: --workers 1 --threads 2.
func (d driver) engine(m *segment.Model) (segment.Engine, error) {
	if d.runtime == nil {
		return d.own, nil
	}
	return d.runtime.NewEngine(m.Net, ort.Options{Threads: max(1, d.threads), Provider: d.provider})
}

// engines are those whose runs a worker does, by their names: the driver's, and beside our own the direct one, for which runs
// were ordered before others were made (segment.EngineDoes).
func (d driver) engines(m *segment.Model) (map[string]segment.Engine, error) {
	e, err := d.engine(m)
	if err != nil {
		return nil, err
	}
	all := map[string]segment.Engine{d.name: e}
	if d.runtime == nil && d.name != "" {
		all[""] = nn.DirectForModel(m, d.threads)
	}
	return all, nil
}
