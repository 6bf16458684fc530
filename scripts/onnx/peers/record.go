package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/slidemill/slidemill/pkg/segment/net/nettest"
)

// recorded is a case with ONNX Runtime's answer, condensed to projections on noise. It is read by
// the tests of segment/onnx.
type recorded struct {
	testCase
	Size   int       `json:"size"`
	Range  float64   `json:"range"`
	Proofs []float64 `json:"proofs"`
}

// record writes models and ONNX Runtime's answers to a zip file, for tests that have no runtime.
// Files beyond 64 KiB and, of several opsets of one model, all but one are left out.
func (c config) record(archive string, folders []string) error {
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	z := zip.NewWriter(file)
	var all []recorded
	for _, folder := range folders {
		cases, err := readCases(folder)
		if err != nil {
			return err
		}
		kept, err := c.recordFolder(z, thinned(cases))
		if err != nil {
			return err
		}
		all = append(all, kept...)
	}
	w, err := z.Create("cases.json")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(all); err != nil {
		return err
	}
	fmt.Printf("%s: %d cases\n", archive, len(all))
	return z.Close()
}

// thinned keeps the first two sizes of each model, and the first opset of each export.
func thinned(cases []testCase) []testCase {
	family := func(t testCase) string {
		name := t.File[:len(t.File)-len(filepath.Ext(t.File))]
		if n := len(name) - 3; n > 0 && name[n] == '-' && slices.Contains([]string{"11", "13", "14", "16"}, name[n+1:]) && t.Shape[0] == 3 {
			return name[:n]
		}
		return name
	}
	first, sizes := map[string]string{}, map[string]int{}
	var out []testCase
	for _, t := range cases {
		f := family(t)
		if first[f] == "" {
			first[f] = t.File
		}
		if sizes[f]++; first[f] == t.File && sizes[f] <= 2 {
			out = append(out, t)
		}
	}
	return out
}

func (c config) recordFolder(z *zip.Writer, cases []testCase) ([]recorded, error) {
	var kept []recorded
	written := map[string]bool{}
	for _, t := range cases {
		data, err := os.ReadFile(t.path)
		if err != nil {
			return nil, err
		}
		if len(data) > 64<<10 {
			continue
		}
		if !written[t.File] {
			w, err := z.Create(t.File)
			if err == nil {
				_, err = w.Write(data)
			}
			if err != nil {
				return nil, err
			}
			written[t.File] = true
		}
		r, err := c.answer(t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.File, err)
		}
		kept = append(kept, r)
	}
	return kept, nil
}

func (c config) answer(t testCase) (recorded, error) {
	if _, err := c.runtime.ask(request{Do: "load", Model: t.path, Threads: 1}); err != nil {
		return recorded{}, err
	}
	x := nettest.Random(t.shape(), 42)
	in := x.Float32()
	if t.Last {
		in = channelsLast(in, t.shape())
	}
	out, dims, err := c.runtime.run(in, t.dims())
	if err != nil {
		return recorded{}, err
	}
	if t.Last && len(dims) == 4 {
		out = channelsFirst(out, shapeOf(dims))
	}
	proofs, span := nettest.Proofs(out)
	return recorded{t, len(out), span, proofs}, nil
}
