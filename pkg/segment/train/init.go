package train

import (
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

// initSide is the input for which a network is read to go on training it. Its weights, and so the
// network trained, do not depend on it.
const initSide = 256

// Init reads a model file to go on training it: the network as it was trained, batch norms included,
// and the normalisation that its weights expect. A file whose batch norms were folded away trains
// too, more slowly.
func Init(file []byte) (*net.Net, Normalisation, error) {
	n, norm, err := readInit(file)
	if err != nil {
		return nil, Normalisation{}, fmt.Errorf("initial model: %w", err)
	}
	return n, norm, nil
}

func readInit(file []byte) (*net.Net, Normalisation, error) {
	var norm Normalisation
	m, err := segment.ReadModel(file)
	if err != nil {
		return nil, norm, err
	}
	d := m.Description
	if len(d.Classes) != Classes || d.Carcinoma != Carcinoma || d.HighGrade != HighGrade {
		return nil, norm, fmt.Errorf("its classes are %q, training knows %q; train from scratch instead", d.Classes, ClassNames())
	}
	if d.Output != segment.OutputLogits {
		return nil, norm, errors.New("it ends in probabilities; training needs a model that ends in logits")
	}
	graph, err := onnx.Read(file, onnx.Limits{})
	if err != nil {
		return nil, norm, err
	}
	n, err := graph.Lower(net.Shape{C: 3, H: initSide, W: initSide})
	if err != nil {
		return nil, norm, err
	}
	for k := range 3 {
		norm.Mean[k], norm.Std[k] = round(float64(d.Mean[k]), 6), round(float64(d.Std[k]), 6)
	}
	return n, norm, nil
}
