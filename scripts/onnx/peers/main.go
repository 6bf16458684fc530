// Command peers compares Slidemill's networks with ONNX Runtime: results and times of the same ONNX
// files, in one run. scripts/bench-peers.sh sets up what it needs and calls it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// testCase is a model and the size of an image. Last says that the file has channels last.
type testCase struct {
	File  string `json:"file"`
	Shape [3]int `json:"shape"`
	Last  bool   `json:"last"`
	path  string

	Untimed bool `json:"untimed,omitempty"` // only compared
}

func (t testCase) shape() net.Shape { return net.Shape{C: t.Shape[0], H: t.Shape[1], W: t.Shape[2]} }

func (t testCase) dims() []int {
	if t.Last {
		return []int{1, t.Shape[1], t.Shape[2], t.Shape[0]}
	}
	return []int{1, t.Shape[0], t.Shape[1], t.Shape[2]}
}

func (t testCase) lower() (*net.Net, error) {
	m, err := onnx.Open(t.path, onnx.Limits{})
	if err != nil {
		return nil, err
	}
	return m.Lower(t.shape())
}

func main() {
	script := flag.String("script", "scripts/onnx/ort.mjs", "the Node.js side")
	folder := flag.String("node", ".", "folder with node_modules/onnxruntime-node")
	threads := flag.Int("threads", 1, "threads of both")
	rounds := flag.Int("rounds", 7, "time: rounds of one run each, in turn")
	tolerance := flag.Float64("tolerance", 1e-4, "check: largest difference, relative to the range of the outputs; ten times that by Winograd's algorithm")
	images := flag.String("images", "", "check: folder with real images (.jpg)")
	direct := flag.Bool("direct", false, "time: convolve directly, not by Winograd's algorithm")
	verbose := flag.Bool("v", false, "check: a line for each case")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: peers [flags] check|time FOLDER… | record ZIP FOLDER…   (folders as scripts/onnx/models.py makes them)")
		os.Exit(2)
	}
	r, err := startRuntime(*script, *folder)
	if err == nil {
		cfg := config{runtime: r, threads: *threads, rounds: *rounds, tolerance: *tolerance, verbose: *verbose, images: *images, direct: *direct}
		err = cfg.do(flag.Arg(0), flag.Args()[1:])
		if e := r.close(); err == nil {
			err = e
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

type config struct {
	runtime         *peer
	threads, rounds int
	tolerance       float64
	verbose, direct bool
	images          string
}

func (c config) do(what string, folders []string) error {
	if what == "record" {
		return c.record(folders[0], folders[1:])
	}
	for _, folder := range folders {
		cases, err := readCases(folder)
		if err != nil {
			return err
		}
		if what == "time" {
			err = c.time(cases)
		} else {
			err = c.check(folder, cases)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readCases(folder string) ([]testCase, error) {
	data, err := os.ReadFile(filepath.Join(folder, "cases.json"))
	if err != nil {
		return nil, err
	}
	var cases []testCase
	if err := json.Unmarshal(data, &cases); err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	for k := range cases {
		if cases[k].path, err = filepath.Abs(filepath.Join(folder, cases[k].File)); err != nil {
			return nil, err
		}
	}
	return cases, nil
}
