package onnx

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
)

// Model is a parsed file. It is safe for concurrent use.
type Model struct {
	graph    *graph
	opset    int64
	limits   Limits
	producer string
	metadata map[string]string
	domains  map[string]bool
}

// Input describes the image that a model takes.
type Input struct {
	Name          string
	Channels      int  // 0 if the file does not say
	Height, Width int  // 0 if dynamic
	ChannelsLast  bool // N×H×W×C in the file; Lower makes it N×C×H×W
}

// Metadata is a copy of the file's metadata_props.
func (m *Model) Metadata() map[string]string { return maps.Clone(m.metadata) }

// Producer is the tool that wrote the file.
func (m *Model) Producer() string { return m.producer }

// Opset is the version of the default operator set.
func (m *Model) Opset() int { return int(m.opset) }

// Open reads a file and its external data, which must lie in or below the file's directory.
func Open(path string, l Limits) (*Model, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	defer root.Close()
	file, err := root.Open(filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	defer file.Close()
	l = l.withDefaults()
	data, err := readAll(file, l.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read model %s: %w", path, err)
	}
	m, err := parse(data, l, &external{root: root, left: l.Bytes - int64(len(data))})
	if err != nil {
		return nil, fmt.Errorf("read model %s: %w", path, err)
	}
	return m, nil
}

// readAll reads at most limit bytes.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &UnsupportedError{"file", fmt.Sprintf("is larger than %d bytes", limit), "raise the limit or use a smaller model"}
	}
	return data, err
}

// Read parses a model that lies in memory; it refuses external data. The model keeps data, which
// must not be changed.
func Read(data []byte, l Limits) (*Model, error) {
	l = l.withDefaults()
	if int64(len(data)) > l.Bytes {
		return nil, &UnsupportedError{"file", fmt.Sprintf("is larger than %d bytes", l.Bytes), "raise the limit or use a smaller model"}
	}
	return parse(data, l, nil)
}

func parse(data []byte, l Limits, ext *external) (*Model, error) {
	m := &Model{limits: l, metadata: map[string]string{}, domains: map[string]bool{}}
	if err := fields("model", data, m.field); err != nil {
		return nil, err
	}
	if m.graph == nil {
		return nil, &FormatError{"model", "has no graph: is this an ONNX file?"}
	}
	if m.opset == 0 {
		return nil, &FormatError{"model", "names no version of the default operator set"}
	}
	if m.opset < minOpset || m.opset > maxOpset {
		return nil, &UnsupportedError{"model", fmt.Sprintf("opset %d", m.opset), fmt.Sprintf("export with an opset from 11 to 21 (%d to %d are read)", minOpset, maxOpset)}
	}
	for _, t := range m.tensors() {
		if err := ext.load(t); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// field reads one field of a ModelProto.
func (m *Model) field(f field) (err error) {
	switch f.num {
	case 2:
		m.producer, err = f.text("model")
	case 7:
		if err = f.expect("model", 2); err == nil {
			m.graph, err = parseGraph(f.data, m.limits)
		}
	case 8:
		err = m.opsetField(f)
	case 14:
		if err = f.expect("model", 2); err == nil {
			var key, value string
			key, value, err = parseEntry("metadata", f.data)
			m.metadata[key] = value
		}
	case 25:
		err = &UnsupportedError{"model", "local functions", "export with the operators inlined (torch.onnx.export(dynamo=False), or onnx.inliner)"}
	}
	return err
}

func (m *Model) opsetField(f field) error {
	if err := f.expect("model", 2); err != nil {
		return err
	}
	var domain string
	var version int64
	err := fields("opset", f.data, func(f field) (err error) {
		switch f.num {
		case 1:
			domain, err = f.text("opset")
		case 2:
			version, err = f.int("opset")
		}
		return err
	})
	if domain == "" || domain == "ai.onnx" {
		m.opset = version
	}
	m.domains[domain] = true
	return err
}

// tensors lists the initializers and the tensors in attributes.
func (m *Model) tensors() []*tensor {
	all := append([]*tensor(nil), m.graph.initializers...)
	for _, n := range m.graph.nodes {
		for _, a := range n.attrs {
			if a.t != nil {
				all = append(all, a.t)
			}
		}
	}
	return all
}
