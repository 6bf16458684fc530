// Package ort runs models on ONNX Runtime, for people with a GPU or a runtime of their own. It is one more
// Engine beside segment/nn and never needed: the library is looked for while the program runs, through
// its C interface and without cgo, and the build tag "static" leaves it out.
//
// The runtime gets the same network as Gorgonia does, written as ONNX. Its results agree with Gorgonia's
// within rounding, not to the bit, and may differ in the last bits between machines; so the runtime's name
// and version belong to a run's parameters. Pixels, normalisation, halo and windows stay with segment.
package ort

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// What the environment may say.
const (
	EnvLibrary  = "SLIDEMILL_ONNXRUNTIME"          // the library's file, instead of looking for one
	EnvProvider = "SLIDEMILL_ONNXRUNTIME_PROVIDER" // "cpu" or "cuda"
)

// ErrNotFound says that there is no ONNX Runtime to be used.
var ErrNotFound = errors.New("ONNX Runtime was not found: install it (Microsoft's release, or libonnxruntime.so.1 of the npm package onnxruntime-node) and set " + EnvLibrary + " to its library")

// Error is what the runtime itself complains of.
type Error struct {
	Op   string
	Code int // OrtErrorCode
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("onnxruntime: %s: %s", e.Op, e.Text) }

// Runtime is a loaded ONNX Runtime. It is safe for concurrent use.
type Runtime struct {
	Path    string // the library as the loader knows it
	Version string
	api     *api
	env     handle
	cpu     handle // the memory that tensors lie in
}

// names are the library's usual names.
var names = map[string][]string{
	"linux":  {"libonnxruntime.so.1", "libonnxruntime.so"},
	"darwin": {"libonnxruntime.dylib", "/opt/homebrew/lib/libonnxruntime.dylib", "/usr/local/lib/libonnxruntime.dylib"},
}

// Find loads the library that the environment names, or one of the usual names, once.
var Find = sync.OnceValues(find)

func find() (*Runtime, error) {
	candidates := names[runtime.GOOS]
	if path := os.Getenv(EnvLibrary); path != "" {
		candidates = []string{path}
	}
	var errs []error
	for _, path := range candidates {
		r, err := Load(path)
		if err == nil {
			return r, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("%w (%w)", ErrNotFound, errors.Join(errs...))
}

// Load loads a library. It stays loaded; Close lets go of the rest.
func Load(path string) (*Runtime, error) {
	a, version, err := loadAPI(path)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	r := &Runtime{Path: path, Version: version, api: a}
	if err := r.start(); err != nil {
		r.Close()
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return r, nil
}

// The runtime's constants (onnxruntime_c_api.h).
const (
	logFatal        = 4 // errors come back as statuses; nothing is logged
	deviceAllocator = 0
	memoryDefault   = 0
	elementFloat    = 1
	sequential      = 0
)

func (r *Runtime) start() error {
	if err := r.api.check("create environment", r.api.createEnv(logFatal, "slidemill\x00", &r.env)); err != nil {
		return err
	}
	return r.api.check("describe memory", r.api.createCPUMemoryInfo(deviceAllocator, memoryDefault, &r.cpu))
}

// Close releases the environment. All engines and sessions must have been closed.
func (r *Runtime) Close() {
	if r.cpu != 0 {
		r.api.releaseMemoryInfo(r.cpu)
	}
	if r.env != 0 {
		r.api.releaseEnv(r.env)
	}
	r.cpu, r.env = 0, 0
}

// Provider is the hardware that a session runs on.
type Provider string

// The providers that this program knows how to ask for.
const (
	CPU  Provider = "cpu"
	CUDA Provider = "cuda"
)

// ParseProvider reads a provider's name; none is the CPU.
func ParseProvider(s string) (Provider, error) {
	switch p := Provider(strings.ToLower(s)); p {
	case "":
		return CPU, nil
	case CPU, CUDA:
		return p, nil
	}
	return "", fmt.Errorf("provider %q of ONNX Runtime: want %s or %s", s, CPU, CUDA)
}

// inRuntime is a provider's name in the runtime.
func (p Provider) inRuntime() string {
	if p == CUDA {
		return "CUDAExecutionProvider"
	}
	return "CPUExecutionProvider"
}

// Has reports an error, with what there is, if sessions cannot run on the provider: the library was built
// without it, or its parts do not load.
func (r *Runtime) Has(p Provider) error {
	have, err := r.api.availableProviders()
	if err != nil {
		return err
	}
	if !slices.Contains(have, p.inRuntime()) {
		return fmt.Errorf("ONNX Runtime %s at %s has no provider %s, only %s: use the library of its GPU package", r.Version, r.Path, p, strings.Join(have, ", "))
	}
	var options handle
	if err := r.api.check("session options", r.api.createSessionOptions(&options)); err != nil {
		return err
	}
	defer r.api.releaseSessionOptions(options)
	return r.addProvider(options, p)
}

// Providers are those that sessions can run on here.
func (r *Runtime) Providers() (have []Provider) {
	for _, p := range []Provider{CPU, CUDA} {
		if r.Has(p) == nil {
			have = append(have, p)
		}
	}
	return have
}

// Name is what names the arithmetic in a run's parameters: the runtime, its version and the hardware.
func (r *Runtime) Name(p Provider) string {
	return fmt.Sprintf("onnxruntime %s %s", r.Version, p)
}
