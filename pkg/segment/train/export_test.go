package train

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
)

func exported(t *testing.T) (*Model, Package) {
	t.Helper()
	cfg := tiny("")
	cfg.Recipe.Epochs = 10
	res := mustRun(t, cfg)
	p := Package{
		Net: res.Net, Name: "pixel", Version: "1.2.3", MPP: 1.3, Recipe: cfg.Recipe, Train: cfg.Train, Val: cfg.Val,
		Backend: cfg.Backend, History: res.History, Card: BuiltinCard(), Program: "test", Replicates: 50,
	}
	p.Recipe.Norm = Measure(cfg.Train)
	m, err := Export(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// TestExportedModelIsTheTrainedOne reads the file as the segmenter does and compares weights and description.
func TestExportedModelIsTheTrainedOne(t *testing.T) {
	m, p := exported(t)
	model, err := segment.ReadModel(m.File)
	if err != nil {
		t.Fatal(err)
	}
	d := model.Description
	if d.Name != "pixel" || d.Version != "1.2.3" || d.Carcinoma != Carcinoma || d.HighGrade != HighGrade || d.MPP != 1.3 {
		t.Errorf("description %+v", d)
	}
	if d.Mean != [3]float32{float32(p.Recipe.Norm.Mean[0]), float32(p.Recipe.Norm.Mean[1]), float32(p.Recipe.Norm.Mean[2])} {
		t.Errorf("mean %v, want %v", d.Mean, p.Recipe.Norm.Mean)
	}
	file, err := onnx.Read(m.File, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := file.Lower(net.Shape{C: 3, H: 32, W: 32})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(flatten(n), flatten(p.Net)) {
		t.Error("the file holds other weights")
	}
	if d.Fingerprint != nil {
		t.Errorf("a model of %d tiny images has a fingerprint: %s", len(p.Train), d.Fingerprint)
	}
}

func TestCardTellsTheFigures(t *testing.T) {
	m, p := exported(t)
	text, err := m.Card.Markdown()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Research use only", "CC BY 4.0", DataHash(p.Train), "doi 10.3389/fmed.2023.1114673"} {
		if !strings.Contains(text, want) {
			t.Errorf("the card lacks %q", want)
		}
	}
	if d := m.Card.Figures["dice"]; math.IsNaN(float64(d.Value)) || d != m.Report.Figures["dice"] {
		t.Errorf("card's Dice %v, report's %v", d, m.Report.Figures["dice"])
	}
	var page bytes.Buffer
	if err := m.Report.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
}

// TestPredictorMirrors compares a predictor with a padded image by hand, on a network that looks one
// pixel around.
func TestPredictorMirrors(t *testing.T) {
	for i, want := range []int{1, 0, 0, 1, 2, 2, 1} {
		if got := reflect(i-2, 3); got != want {
			t.Errorf("pixel %d comes from %d, want %d", i-2, got, want)
		}
	}
	backend := &plainBackend{}
	n := pixelNet()
	engine, err := backend.NewEngine(n)
	if err != nil {
		t.Fatal(err)
	}
	c := dots(20)
	norm := Measure([]Case{c})
	plain := NewPredictor(engine, norm, segment.Field{})
	padded := NewPredictor(engine, norm, segment.Field{Halo: 16, Align: 16})
	a, err := plain.Logits(t.Context(), c.RGB, 20, 20)
	if err != nil {
		t.Fatal(err)
	}
	b, err := padded.Logits(t.Context(), c.RGB, 20, 20)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		t.Error("context changed a network that looks at single pixels: the crop is off")
	}
}

func TestProbabilities(t *testing.T) {
	// Logits 0, 0, ln 2, ln 4 at temperature 1: shares 1/8, 1/8, 2/8, 4/8.
	planes := Probabilities([]float32{0, 0, float32(math.Ln2), float32(2 * math.Ln2)}, 1)
	for c, want := range []uint8{32, 32, 64, 128} {
		if planes[c][0] != want {
			t.Errorf("class %d has %d, want %d", c, planes[c][0], want)
		}
	}
	hot := Probabilities([]float32{0, 0, 0, 100}, 50)
	if want := uint8(math.Round(255 * math.Exp(2) / (3 + math.Exp(2)))); hot[3][0] != want {
		t.Errorf("temperature 50 gives %d, want %d", hot[3][0], want)
	}
}

func TestStoredReadsARunThatGoesOn(t *testing.T) {
	cfg := tiny(t.TempDir())
	cfg.Recipe.StopAfter = 3
	want := mustRun(t, cfg)
	got, err := Stored(cfg.Dir, pixelNet())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(flatten(got.Net), flatten(want.Net)) || len(got.History) != 3 {
		t.Errorf("stored run of %d epochs differs", len(got.History))
	}
	if _, err := Stored(cfg.Dir, Network(DefaultArchitecture())); err == nil {
		t.Error("another architecture was filled")
	}
}
