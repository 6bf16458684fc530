package ort

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Options say how a session runs. The zero value is one thread on the CPU.
type Options struct {
	Threads  int // of one Run; 0 is 1
	Provider Provider
}

// maxThreads bounds what is asked of the runtime, which starts that many for each session.
const maxThreads = 1024

func (o Options) orDefault() (Options, error) {
	o.Threads = max(1, o.Threads)
	if o.Threads > maxThreads {
		return o, fmt.Errorf("onnxruntime: %d threads: want 1 to %d", o.Threads, maxThreads)
	}
	p, err := ParseProvider(string(o.Provider))
	o.Provider = p
	return o, err
}

// session is a model in the runtime. Runs may overlap; they share the weights.
type session struct {
	runtime *Runtime
	handle  handle
	inputs  []*byte // names, as C takes them
	outputs []*byte
}

// open makes a session; create hands the model to the runtime.
func (r *Runtime) open(o Options, create func(options handle, out *handle) handle) (_ *session, err error) {
	if o, err = o.orDefault(); err != nil {
		return nil, err
	}
	a := r.api
	var options handle
	if err := a.check("session options", a.createSessionOptions(&options)); err != nil {
		return nil, err
	}
	defer a.releaseSessionOptions(options)
	if err := r.configure(options, o); err != nil {
		return nil, err
	}
	s := &session{runtime: r}
	if err := a.check("open model", create(options, &s.handle)); err != nil {
		return nil, err
	}
	if err := s.readNames(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// openFile opens a model file, with its external data if it has any.
func (r *Runtime) openFile(path string, o Options) (*session, error) {
	return r.open(o, func(options handle, out *handle) handle {
		return r.api.createSession(r.env, path, options, out)
	})
}

// openBytes opens a model in memory, which the runtime copies.
func (r *Runtime) openBytes(model []byte, o Options) (*session, error) {
	if len(model) == 0 {
		return nil, errors.New("onnxruntime: an empty model")
	}
	return r.open(o, func(options handle, out *handle) handle {
		defer runtime.KeepAlive(model)
		return r.api.createSessionFromArray(r.env, unsafe.SliceData(model), uintptr(len(model)), options, out)
	})
}

// configure sets a session's options. Without the memory pattern, which plans all activations side by side
// before it reuses any, a run needs a third less memory and the same time.
func (r *Runtime) configure(options handle, o Options) error {
	a := r.api
	return errors.Join(
		a.check("memory", a.disableMemPattern(options)),
		a.check("execution mode", a.setExecutionMode(options, sequential)),
		a.check("threads", a.setIntraOpThreads(options, int32(o.Threads))),
		a.check("threads", a.setInterOpThreads(options, 1)),
		r.addProvider(options, o.Provider))
}

// cudaOptions keep single precision single, so that results stay within tolerance, and choose algorithms
// by rule instead of by a race, so that the same job gives the same bytes again.
var cudaOptions = map[string]string{"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}

// addProvider asks for CUDA; the CPU is always there for what it cannot do.
func (r *Runtime) addProvider(options handle, p Provider) error {
	if p != CUDA {
		return nil
	}
	a := r.api
	var cuda handle
	if err := a.check("CUDA options", a.createCUDA(&cuda)); err != nil {
		return err
	}
	defer a.releaseCUDA(cuda)
	var keys, values []*byte
	for k, v := range cudaOptions {
		keys, values = append(keys, cString(k)), append(values, cString(v))
	}
	if err := a.check("CUDA options", a.updateCUDA(cuda, &keys[0], &values[0], uintptr(len(keys)))); err != nil {
		return fmt.Errorf("%w; CUDA wants ONNX Runtime 1.18 or later, with its GPU libraries beside it", err)
	}
	runtime.KeepAlive(keys)
	runtime.KeepAlive(values)
	return a.check("CUDA", a.appendCUDA(options, cuda))
}

func (s *session) readNames() (err error) {
	a := s.runtime.api
	if s.inputs, err = s.names(a.sessionInputCount, a.sessionInputName); err != nil {
		return err
	}
	if len(s.inputs) != 1 {
		return fmt.Errorf("onnxruntime: the model has %d inputs, want 1", len(s.inputs))
	}
	s.outputs, err = s.names(a.sessionOutputCount, a.sessionOutputName)
	return err
}

// names copies the names of a model's inputs or outputs and frees the runtime's.
func (s *session) names(count func(handle, *uintptr) handle, name func(handle, uintptr, handle, **byte) handle) ([]*byte, error) {
	a := s.runtime.api
	var allocator handle
	var n uintptr
	if err := errors.Join(a.check("allocator", a.defaultAllocator(&allocator)), a.check("count names", count(s.handle, &n))); err != nil {
		return nil, err
	}
	var out []*byte
	for i := range n {
		var text *byte
		if err := a.check("name", name(s.handle, i, allocator, &text)); err != nil {
			return nil, err
		}
		out = append(out, cString(goString(text)))
		if err := a.check("free name", a.allocatorFree(allocator, text)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *session) close() {
	if s.handle != 0 {
		s.runtime.api.releaseSession(s.handle)
	}
	s.handle = 0
}
