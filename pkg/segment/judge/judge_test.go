package judge

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/evaluate"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
	"github.com/slidemill/slidemill/pkg/segment/train"
	"github.com/slidemill/slidemill/pkg/segment/train/labelled"
)

// The world of these tests: carcinoma is purple, everything else is pink, and the model knows.
var (
	purple = color.RGBA{90, 30, 120, 255}
	pink   = color.RGBA{230, 150, 190, 255}
)

// redder is a network of one 1×1 convolution: the darker the red, the surer the class.
func redder(classes, carcinoma int) *net.Net {
	b := net.NewBuilder("redder", 3, 0)
	n := b.Done(b.Conv("logits", 0, net.ConvConfig{Out: classes, Kernel: 1, Bias: true}))
	conv := n.Nodes[n.Outputs[0]].Op.(*net.Conv)
	clear(conv.Weight.Data)
	clear(conv.Bias.Data)
	conv.Weight.Data[3*carcinoma], conv.Bias.Data[carcinoma] = -20, 12 // 0.6 of full red is undecided
	return n
}

// model is a model file of a network.
func model(t *testing.T, n *net.Net, d segment.Description) (*segment.Model, segment.Engine) {
	t.Helper()
	d.Name, d.Version, d.MPP, d.Std = "redder", "1", 2, [3]float32{1, 1, 1}
	if d.Output == "" {
		d.Output = segment.OutputLogits
	}
	meta, err := d.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := onnx.Write(&buf, n, onnx.WriteOptions{Metadata: meta}); err != nil {
		t.Fatal(err)
	}
	m, err := segment.ReadModel(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	lowered, err := m.Net(pyramid.Size{W: 64, H: 64})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := nn.New(lowered, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m, engine
}

func fourClasses(t *testing.T) (*segment.Model, segment.Engine) {
	return model(t, redder(4, 3), segment.Description{Classes: train.ClassNames(), Carcinoma: 3, HighGrade: 2})
}

// tumour is where the positive slide is purple, level-0 pixels.
var tumour = image.Rect(200, 120, 560, 440)

// site is a folder of two slides of 800×600 pixels at 1 µm: one with carcinoma, one without.
func site(t *testing.T, annotation, text string) *labelled.Folder {
	t.Helper()
	dir := t.TempDir()
	for name, box := range map[string]image.Rectangle{"P1-a": tumour, "P2-a": {}} {
		img := image.NewRGBA(image.Rect(0, 0, 800, 600))
		draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(img, image.Rect(64, 64, 736, 536), image.NewUniform(pink), image.Point{}, draw.Src)
		draw.Draw(img, box, image.NewUniform(purple), image.Point{}, draw.Src)
		savePNG(t, filepath.Join(dir, name+".png"), img)
	}
	if annotation == "-mask.png" {
		mask := image.NewGray(image.Rect(0, 0, 400, 300)) // at half the size
		draw.Draw(mask, image.Rect(100, 60, 280, 220), image.White, image.Point{}, draw.Src)
		savePNG(t, filepath.Join(dir, "P1-a-mask.png"), mask)
	} else {
		save(t, filepath.Join(dir, "P1-a"+annotation), text)
	}
	save(t, filepath.Join(dir, "P2-a.geojson"), `{"type":"FeatureCollection","features":[]}`)
	return &labelled.Folder{Root: dir, MPP: 1, Outside: train.Background}
}

func savePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	save(t, path, buf.String())
}

func save(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const outline = `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon","coordinates":
[[[200,120],[560,120],[560,440],[200,440],[200,120]]]},"properties":{"objectType":"annotation","classification":{"name":"Tumor"}}}]}`

const asap = `<?xml version="1.0"?><ASAP_Annotations><Annotations><Annotation Name="A" Type="Polygon" PartOfGroup="_0"><Coordinates>
<Coordinate Order="0" X="200" Y="120"/><Coordinate Order="1" X="560" Y="120"/><Coordinate Order="2" X="560" Y="440"/>
<Coordinate Order="3" X="200" Y="440"/></Coordinates></Annotation></Annotations></ASAP_Annotations>`

func judgeSlides(t *testing.T, f *labelled.Folder, change func(*Judge)) *Verdict {
	t.Helper()
	slides, err := f.Slides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, engine := fourClasses(t)
	j := &Judge{Model: m, Engine: engine, Workers: 2}
	if change != nil {
		change(j)
	}
	v, err := j.Slides(t.Context(), slides)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSlides: outlines of QuPath and of ASAP and a mask say the same, and a model that is right scores so.
func TestSlides(t *testing.T) {
	var first *Verdict
	for name, text := range map[string]string{".geojson": outline, ".xml": asap, "-mask.png": ""} {
		v := judgeSlides(t, site(t, name, text), nil)
		if first == nil {
			first = v
		}
		if diff := cmp.Diff(first, v, cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	scheme := train.Scheme(0.5)
	f := scheme.Figures(first.Summaries)
	if f.AUC != 1 || f.Dice < 0.98 || f.HD95 > 2*2*segment.TissueCell || f.Patients != 2 {
		t.Errorf("figures %+v", f)
	}
	if got := []string{first.Summaries[0].Group, first.Summaries[1].Group}; got[0] != PositiveGroup || got[1] != NegativeGroup {
		t.Errorf("groups %v", got)
	}
	froc, err := evaluate.EvaluateFROC(first.Detected)
	if err != nil {
		t.Fatal(err)
	}
	if froc.Lesions != 1 || froc.Score < 0.99 || first.Detected[0].Partial {
		t.Errorf("FROC %+v", froc)
	}
	if want := 2 * 0.8 * 0.6; math.Abs(first.MM2-want) > 0.01 {
		t.Errorf("%.3f mm² judged, want %.3f", first.MM2, want)
	}
}

// TestEnsembleAndWindows: neither turns nor the number of workers nor where windows end changes what a
// network without context says.
func TestEnsembleAndWindows(t *testing.T) {
	f := site(t, ".geojson", outline)
	plain := judgeSlides(t, f, nil)
	for name, change := range map[string]func(*Judge){
		"ensemble": func(j *Judge) { j.Ensemble = true }, "one worker": func(j *Judge) { j.Workers = 1 },
	} {
		if v := judgeSlides(t, f, change); !cmp.Equal(plain.Summaries[0].Confusion, v.Summaries[0].Confusion) {
			t.Errorf("%s: %v, want %v", name, v.Summaries[0].Confusion, plain.Summaries[0].Confusion)
		}
	}
}

// TestUnjudgedPartsCountForNothing: without a word on what lies outside, nothing outside is counted.
func TestUnjudgedPartsCountForNothing(t *testing.T) {
	f := site(t, ".geojson", outline)
	f.Outside = train.Ignore
	v := judgeSlides(t, f, nil)
	inside := int64(tumour.Dx() * tumour.Dy() / 4)
	if got := v.Summaries[0].Judged(); got != inside || !v.Detected[0].Partial {
		t.Errorf("%d pixels judged, want %d; partial %v", got, inside, v.Detected[0].Partial)
	}
}

// halves is an image whose left half is carcinoma and purple.
func halves(name string, other uint8) train.Case {
	const w, h = 64, 48
	c := train.Case{Name: name, Patient: name, Group: "adenocarcinoma", W: w, H: h}
	for i := range w * h {
		px, label := pink, other
		if i%w < w/2 {
			px, label = purple, train.Carcinoma
		}
		c.RGB, c.Label = append(c.RGB, px.R, px.G, px.B), append(c.Label, label)
	}
	return c
}

func judgeImages(t *testing.T, m *segment.Model, engine segment.Engine, view View, cases ...train.Case) *Verdict {
	t.Helper()
	v, err := (&Judge{Model: m, Engine: engine, View: view, Workers: 2}).Images(t.Context(), cases, 2)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestModelsThatEndInProbabilities are judged as those that end in logits.
func TestModelsThatEndInProbabilities(t *testing.T) {
	soft := redder(4, 3)
	soft.Nodes = append(soft.Nodes, net.Node{Name: "p", In: []int{soft.Outputs[0]}, Op: &net.Softmax{}})
	soft.Outputs = []int{len(soft.Nodes) - 1}
	a, ea := fourClasses(t)
	b, eb := model(t, soft, segment.Description{Classes: train.ClassNames(), Carcinoma: 3, HighGrade: 2, Output: segment.OutputProbabilities})
	va, vb := judgeImages(t, a, ea, AllClasses, halves("x", 0)), judgeImages(t, b, eb, AllClasses, halves("x", 0))
	if diff := cmp.Diff(va.Summaries, vb.Summaries); diff != "" {
		t.Error(diff)
	}
	hot, eh := model(t, redder(4, 3), segment.Description{Classes: train.ClassNames(), Carcinoma: 3, HighGrade: 2, Temperature: 4})
	vh := judgeImages(t, hot, eh, AllClasses, halves("x", 0))
	if vh.Summaries[0].Score >= va.Summaries[0].Score || !cmp.Equal(vh.Summaries[0].Confusion, va.Summaries[0].Confusion) {
		t.Errorf("a temperature should lower the score %g and move no decision: %g", va.Summaries[0].Score, vh.Summaries[0].Score)
	}
}

// TestModelOfOneClass: a sigmoid over one plane is a model, too; what it does not know is left out.
func TestModelOfOneClass(t *testing.T) {
	one := redder(1, 0)
	one.Nodes = append(one.Nodes, net.Node{Name: "p", In: []int{one.Outputs[0]}, Op: &net.Activation{Act: net.Act{Kind: net.Sigmoid}}})
	one.Outputs = []int{len(one.Nodes) - 1}
	m, engine := model(t, one, segment.Description{Classes: []string{"tumour"}, HighGrade: -1, Output: segment.OutputProbabilities})
	v := judgeImages(t, m, engine, AllClasses, halves("x", 0), halves("y", train.HighGrade))
	if v.LeftOut != 1 || len(v.Summaries) != 1 {
		t.Fatalf("%d left out of 2", v.LeftOut)
	}
	if want := [][]int64{{64 * 24, 0}, {0, 64 * 24}}; !cmp.Equal(want, v.Summaries[0].Confusion) {
		t.Errorf("confusion %v", v.Summaries[0].Confusion)
	}
}

// TestSharedViews: models with different classes are compared by what they share.
func TestSharedViews(t *testing.T) {
	four, ef := fourClasses(t)
	two, et := model(t, redder(2, 0), segment.Description{Classes: []string{"cancer", "rest"}, Carcinoma: 0, HighGrade: -1})
	three, _ := model(t, redder(3, 1), segment.Description{Classes: []string{"a", "b", "c"}, Carcinoma: 1, HighGrade: 2})
	for _, c := range []struct {
		a, b *segment.Model
		want View
	}{{four, four, AllClasses}, {four, three, ThreeClasses}, {four, two, TwoClasses}, {two, four, TwoClasses}} {
		if got := Shared(c.a, c.b); got != c.want {
			t.Errorf("view %v, want %v", got, c.want)
		}
	}
	va, vb := judgeImages(t, four, ef, TwoClasses, halves("x", 1)), judgeImages(t, two, et, TwoClasses, halves("x", 1))
	if !cmp.Equal(va.Summaries[0].Confusion, vb.Summaries[0].Confusion) {
		t.Errorf("confusions %v and %v", va.Summaries[0].Confusion, vb.Summaries[0].Confusion)
	}
	scheme := (&Judge{Model: four, View: TwoClasses}).Scheme()
	c, err := scheme.NewComparison(va.Summaries, vb.Summaries, evaluate.CompareOptions{Bootstrap: evaluate.Bootstrap{Replicates: 100}})
	if err != nil || !strings.Contains(c.Verdict, "cannot tell") {
		t.Errorf("%+v, %v", c, err)
	}
}
