package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
)

// peer is ONNX Runtime in a Node.js process; ort.mjs says what it understands.
type peer struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	temp string
}

type request struct {
	Do      string `json:"do"`
	Model   string `json:"model,omitempty"`
	Threads int    `json:"threads,omitempty"`
	In      string `json:"in,omitempty"`
	Out     string `json:"out,omitempty"`
	Dims    []int  `json:"dims,omitempty"`
	Runs    int    `json:"runs,omitempty"`
}

type answer struct {
	Error   string    `json:"error"`
	Dims    [][]int   `json:"dims"`
	Seconds []float64 `json:"seconds"`
	CPU     []float64 `json:"cpu"`
}

// startRuntime starts node in the folder that holds node_modules.
func startRuntime(script, folder string) (*peer, error) {
	script, err := filepath.Abs(script)
	if err != nil {
		return nil, err
	}
	r := &peer{cmd: exec.Command("node", script)}
	r.cmd.Dir, r.cmd.Stderr = folder, os.Stderr
	if r.temp, err = os.MkdirTemp("", "peers"); err != nil {
		return nil, err
	}
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = bufio.NewReaderSize(out, 1<<20)
	return r, r.cmd.Start()
}

func (r *peer) close() error {
	return errors.Join(r.in.Close(), r.cmd.Wait(), os.RemoveAll(r.temp))
}

func (r *peer) ask(q request) (answer, error) {
	var a answer
	if err := json.NewEncoder(r.in).Encode(q); err != nil {
		return a, err
	}
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("node: %w", err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("node said %q: %w", line, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("onnx runtime: %s", a.Error)
	}
	return a, nil
}

// run computes the first output of the loaded model.
func (r *peer) run(in []float32, dims []int) (out []float32, outDims []int, err error) {
	x, y := filepath.Join(r.temp, "x.f32"), filepath.Join(r.temp, "y")
	raw := make([]byte, 4*len(in))
	for k, v := range in {
		binary.LittleEndian.PutUint32(raw[4*k:], math.Float32bits(v))
	}
	if err := os.WriteFile(x, raw, 0o600); err != nil {
		return nil, nil, err
	}
	a, err := r.ask(request{Do: "run", In: x, Dims: dims, Out: y})
	if err != nil {
		return nil, nil, err
	}
	if raw, err = os.ReadFile(y + ".0"); err != nil {
		return nil, nil, err
	}
	out = make([]float32, len(raw)/4)
	for k := range out {
		out[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
	}
	return out, a.Dims[0], nil
}
