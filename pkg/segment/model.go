package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// maxModelBytes bounds a model file: the largest segmentation networks in use hold some 200 MB.
const maxModelBytes = 1 << 30

// Model is a network with its description, read from an ONNX file. It is safe for concurrent use.
type Model struct {
	Ref         ModelRef
	Description Description
	Field       Field
	Windows     Windows // of a model without a receptive field
	Unbounded   string  // why it has none; empty if it has one
	// Look is how the training images look; nil if the description does not say.
	Look  *fingerprint.Fingerprint
	Bytes int // size of the file
	file  *onnx.Model
}

// OpenModel reads a model file from disk.
func OpenModel(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxModelBytes+1))
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	if len(data) > maxModelBytes {
		return nil, fmt.Errorf("model %s: larger than %d bytes", path, maxModelBytes)
	}
	m, err := ReadModel(data)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	return m, nil
}

// ReadModel reads a model from the bytes of an ONNX file that carries a Description.
func ReadModel(data []byte) (*Model, error) {
	file, err := onnx.Read(data, onnx.Limits{Bytes: maxModelBytes})
	if err != nil {
		return nil, err
	}
	text, ok := file.Metadata()[MetadataKey]
	if !ok {
		return nil, errors.New("the file does not say what its outputs mean: describe it with `slidemill model import`")
	}
	m := &Model{Bytes: len(data), file: file}
	if err := json.Unmarshal([]byte(text), &m.Description); err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	if err := m.Description.Validate(); err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	if m.Look, err = fingerprint.Parse(m.Description.Fingerprint); err != nil {
		return nil, fmt.Errorf("description: fingerprint: %w", err)
	}
	sum := sha256.Sum256(data)
	m.Ref = ModelRef{m.Description.Name, m.Description.Version, hex.EncodeToString(sum[:])}
	return m, m.measure()
}

// probeSide is the input on which a model's geometry is computed: a multiple of every stride in use.
const probeSide = 512

// measure computes the halo and the alignment of regions from the graph, or says that there are none and
// settles on windows.
func (m *Model) measure() error {
	field, err := m.file.Field(3)
	switch {
	case errors.Is(err, net.ErrUnbounded):
		m.Unbounded, m.Windows = unboundedBy(err), newWindows(m.Description.Window)
		m.Field = m.Windows.field()
		return m.checkOutput(m.Windows.Side)
	case err != nil:
		return fmt.Errorf("this model cannot be used on regions: %w", err)
	}
	align := pyramid.LCM(field.Side(), TissueCell)
	m.Field = Field{Halo: pyramid.CeilDiv(field.Halo(), align) * align, Align: align}
	return m.checkOutput(probeSide)
}

func (m *Model) checkOutput(side int) error {
	in := net.Shape{C: 3, H: side, W: side}
	n, err := m.file.Lower(in)
	if err != nil {
		return err
	}
	shapes, err := n.Shapes(in)
	if err != nil {
		return err
	}
	want := net.Shape{C: len(m.Description.Classes), H: side, W: side}
	if len(n.Outputs) != 1 || shapes[n.Outputs[0]] != want {
		return fmt.Errorf("the network does not map a picture to %d planes of its size", want.C)
	}
	return nil
}

// Net is the network for inputs of the given size, with calibrated probabilities as its output.
func (m *Model) Net(input pyramid.Size) (*net.Net, error) {
	n, err := m.file.Lower(net.Shape{C: 3, H: input.H, W: input.W})
	if err != nil {
		return nil, err
	}
	if m.Description.Output == OutputLogits {
		n = withSoftmax(n, m.temperature(), len(m.Description.Classes))
	}
	return n, nil
}

// Logits is the network for inputs of the given size without calibration and softmax, for judging and
// fine-tuning. A model that ends in probabilities has none.
func (m *Model) Logits(input pyramid.Size) (*net.Net, error) {
	if m.Description.Output != OutputLogits {
		return nil, fmt.Errorf("model %s ends in %s, not in logits", m.Ref.Name, m.Description.Output)
	}
	return m.file.Lower(net.Shape{C: 3, H: input.H, W: input.W})
}

func (m *Model) temperature() float32 {
	if m.Description.Temperature == 0 {
		return 1
	}
	return float32(m.Description.Temperature)
}

// withSoftmax appends softmax(logits / temperature), so that every engine computes it alike.
func withSoftmax(n *net.Net, temperature float32, classes int) *net.Net {
	out := *n
	out.Nodes = append([]net.Node(nil), n.Nodes...)
	logits := n.Outputs[0]
	if temperature != 1 {
		scale := &net.Tensor{Shape: []int{classes}, Data: make([]float32, classes)}
		for i := range scale.Data {
			scale.Data[i] = 1 / temperature
		}
		out.Nodes = append(out.Nodes, net.Node{Name: "temperature", In: []int{logits}, Op: &net.Affine{Scale: scale}})
		logits = len(out.Nodes) - 1
	}
	out.Nodes = append(out.Nodes, net.Node{Name: "probability", In: []int{logits}, Op: &net.Softmax{}})
	out.Outputs = []int{len(out.Nodes) - 1}
	return &out
}

// DefaultThreshold is the operating point that the model proposes.
func (m *Model) DefaultThreshold() float64 {
	if m.Description.Threshold > 0 {
		return m.Description.Threshold
	}
	return 0.5
}

// Settle fills in what a person left open and rounds the region up to what the network and the tissue
// map need. How windows are blended is the model's to say. Settled parameters name the run; settling
// them again changes nothing.
func (m *Model) Settle(p Parameters) Parameters {
	p.Windows = m.Windows
	if p.Threshold == 0 {
		p.Threshold = m.DefaultThreshold()
	}
	if p.Region == 0 {
		p.Region = DefaultRegion
	}
	p.Region = pyramid.CeilDiv(p.Region, m.Field.Align) * m.Field.Align
	return p
}
