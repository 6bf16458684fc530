package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/onnx"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/region"
	"github.com/slidemill/slidemill/pkg/synth"
)

const side = 96 // of the window

// tumour is a canvas of the built-in model on a synthetic slide, its window where the slide's true mask
// is fullest. It is drawn once.
var tumour = sync.OnceValues(func() (Canvas, error) {
	m, err := builtin.Model()
	if err != nil {
		return Canvas{}, err
	}
	return drawTumour(m)
})

func drawTumour(m *segment.Model) (c Canvas, err error) {
	ctx := context.Background() // the canvas outlives the test that asks first
	dir, err := os.MkdirTemp("", "explain")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "s.tiff")
	if err := synth.Write(ctx, synth.Config{Path: path, Size: pyramid.Size{W: 3000, H: 2400}, Seed: 3, Workers: 2}); err != nil {
		return c, err
	}
	mask, err := slide.ReadImage(ctx, synth.MaskPath(path))
	if err != nil {
		return c, err
	}
	s, err := slide.Open(ctx, path, slide.Options{})
	if err != nil {
		return c, err
	}
	defer s.Close()
	r, err := region.New(s)
	if err != nil {
		return c, err
	}
	step := m.Description.MPP / r.MPP()
	x, y := fullest(mask, int(side*step))
	frame, window, err := Frame(m, float64(x)/step, float64(y)/step, side)
	if err != nil {
		return c, err
	}
	c.Window, c.Place = window, Place{float64(frame.Min.X) * step, float64(frame.Min.Y) * step, step}
	rgb, err := r.Read(ctx, c.Place.X, c.Place.Y, step, frame.Dx(), frame.Dy())
	if err != nil {
		return c, err
	}
	c.Image = image.NewRGBA(image.Rect(0, 0, frame.Dx(), frame.Dy()))
	for i := range frame.Dx() * frame.Dy() {
		copy(c.Image.Pix[4*i:], rgb[3*i:3*i+3])
		c.Image.Pix[4*i+3] = 255
	}
	return c, nil
}

// fullest is the middle of the square of the mask that holds the most carcinoma.
func fullest(mask *image.RGBA, side int) (x, y int) {
	best := -1
	for top := 0; top+side < mask.Rect.Dy(); top += side / 2 {
		for left := 0; left+side < mask.Rect.Dx(); left += side / 2 {
			n := 0
			for j := 0; j < side; j += 8 {
				for i := 0; i < side; i += 8 {
					n += int(mask.Pix[(top+j)*mask.Stride+4*(left+i)])
				}
			}
			if n > best {
				best, x, y = n, left+side/2, top+side/2
			}
		}
	}
	return x, y
}

func fixture(t *testing.T) (*segment.Model, Canvas) {
	t.Helper()
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	c, err := tumour()
	if err != nil {
		t.Fatal(err)
	}
	return m, c
}

func run(t *testing.T, m *segment.Model, c Canvas, o Options) *Explanation {
	t.Helper()
	e, err := Explain(t.Context(), m, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestCoveringWhatIsNamedLowersTheScore: the parts that saliency names matter more to the model than as
// many parts drawn at random.
func TestCoveringWhatIsNamedLowersTheScore(t *testing.T) {
	m, c := fixture(t)
	e := run(t, m, c, Options{Steps: 4})
	s, err := newScorer(m, c, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.net.Close()
	covered := func(parts []image.Rectangle) float64 {
		x := slices.Clone(s.picture)
		for _, r := range parts {
			s.cover(x, s.blank, r)
		}
		score, err := s.run(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		return score
	}
	n := len(e.Grid) / 20
	named := e.LogOdds - covered(e.Top(n))
	r := rand.New(rand.NewPCG(1, 2))
	worst := math.Inf(-1)
	for range 4 {
		var parts []image.Rectangle
		for _, i := range r.Perm(len(e.Grid))[:n] {
			parts = append(parts, e.rect(i))
		}
		worst = max(worst, e.LogOdds-covered(parts))
	}
	t.Logf("score %.2f; covering %d named parts lowers it by %.2f, as many random ones by at most %.2f", e.LogOdds, n, named, worst)
	if !(named > 2*max(worst, 0.1)) {
		t.Errorf("covering what is named lowers the score by %.3f, random parts by up to %.3f", named, worst)
	}
}

// TestMapsOfRandomWeightsDiffer is the sanity check of Adebayo et al. (NeurIPS 2018): a map that does not
// change with the weights shows the picture, not the model.
func TestMapsOfRandomWeightsDiffer(t *testing.T) {
	m, c := fixture(t)
	trained := run(t, m, c, Options{Steps: 2})
	random := run(t, shuffled(t, m), c, Options{Steps: 2})
	if r := rankCorrelation(trained.Grid, random.Grid); math.Abs(r) > 0.3 {
		t.Errorf("the maps of trained and of shuffled weights correlate by %.2f", r)
	}
	if again := run(t, m, c, Options{Steps: 2}); !slices.Equal(trained.Grid, again.Grid) {
		t.Error("a second run gives another map")
	}
}

// TestMethodsAgree: gradients and covering are two ways to the same answer.
func TestMethodsAgree(t *testing.T) {
	m, c := fixture(t)
	const patch = 104
	gradients := run(t, m, c, Options{Steps: 8, Patch: patch})
	covering := run(t, m, c, Options{Method: Occlusion, Patch: patch})
	if gradients.LogOdds != covering.LogOdds {
		t.Errorf("scores %g and %g", gradients.LogOdds, covering.LogOdds)
	}
	r := rankCorrelation(gradients.Grid, covering.Grid)
	t.Logf("rank correlation %.2f; gradients add up to %.2f of %.2f", r, total(gradients.Grid), gradients.LogOdds-gradients.BaselineLogOdds)
	if r < 0.4 {
		t.Errorf("gradients and covering correlate by %.2f only:\n%v\n%v", r, gradients.Grid, covering.Grid)
	}
}

// The picture asks what it answers, and of which place: no "why carcinoma" where the model says that there is none, and no
// "here" where a whole slide was in view.
func TestQuestion(t *testing.T) {
	for p, want := range map[float64]string{0.02: "against", 0.45: "undecided about", 0.6: "undecided about", 0.93: "for"} {
		e := Explanation{Class: "carcinoma", Probability: p, MPP: 1.25, Canvas: Canvas{
			Window: image.Rect(100, 100, 300, 300), Place: Place{X: 1000, Y: 2000, Step: 2.5},
		}}
		if got := e.Question(); got != "Why is the model "+want+" carcinoma in the 250 µm around pixel 1500, 2500?" {
			t.Errorf("p %g: %q", p, got)
		}
		if said := e.Said(); !strings.Contains(said, fmt.Sprintf("carcinoma a probability of %.2f", p)) || !strings.Contains(said, "250 µm wide around pixel 1500, 2500") {
			t.Errorf("p %g: %q", p, said)
		}
	}
}

// The font lacks a µ, and would draw a box for it.
func TestMicro(t *testing.T) {
	draw := func(text string) *image.RGBA {
		page := image.NewRGBA(image.Rect(0, 0, 20, 20))
		write(page, 2, 12, ink, text)
		return page
	}
	u, micro := draw("um"), draw("µm")
	more := 0
	for i := 3; i < len(u.Pix); i += 4 {
		if u.Pix[i] > micro.Pix[i] {
			t.Fatal("µ lacks a part of u")
		}
		if u.Pix[i] < micro.Pix[i] {
			more++
		}
	}
	if below := micro.RGBAAt(2+stemOfU, 13); more != 2 || below != ink || u.RGBAAt(2+stemOfU, 11-1) != ink {
		t.Errorf("%d pixels more than u, %v below the line", more, below)
	}
}

func TestFiles(t *testing.T) {
	m, c := fixture(t)
	e := run(t, m, c, Options{Steps: 1, Patch: 32})
	var text, picture bytes.Buffer
	if err := e.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Notice string     `json:"notice"`
		Window [4]float64 `json:"window"`
		Canvas [4]float64 `json:"canvas"`
		Raised []part     `json:"raised_most"`
	}
	if err := json.Unmarshal(text.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Notice, "research use only") || len(got.Raised) == 0 || !slices.IsSortedFunc(got.Raised, func(a, b part) int { return int(1e6 * (b.Contribution - a.Contribution)) }) {
		t.Errorf("%s", text.String())
	}
	if w := got.Window[2] - got.Window[0]; math.Abs(w-side*c.Place.Step) > 1e-3 || got.Canvas[0] >= got.Window[0] {
		t.Errorf("window %v in canvas %v", got.Window, got.Canvas)
	}
	if err := e.WritePNG(&picture); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&picture)
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size.X < 2*c.Image.Rect.Dx() || size.Y < c.Image.Rect.Dy() {
		t.Errorf("the picture is %v", size)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	m, c := fixture(t)
	for want, o := range map[string]Options{"method": {Method: "oracle"}, "steps": {Steps: 1000}, "patches": {Patch: 1}} {
		if _, err := Explain(t.Context(), m, c, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := Explain(t.Context(), m, Canvas{Image: c.Image, Window: image.Rect(-5, 0, 10, 10)}, Options{}); err == nil {
		t.Error("a window outside the canvas was explained")
	}
	for _, n := range []int{0, MaxSide + 1} {
		if _, _, err := Frame(m, 0, 0, n); err == nil {
			t.Errorf("a window of %d was framed", n)
		}
	}
}

// shuffled is the model with the weights of each convolution in random order.
func shuffled(t *testing.T, m *segment.Model) *segment.Model {
	t.Helper()
	n, err := m.Logits(pyramid.Size{W: 512, H: 512})
	if err != nil {
		t.Fatal(err)
	}
	n = n.Clone()
	r := rand.New(rand.NewPCG(5, 5))
	for _, node := range n.Nodes {
		if conv, ok := node.Op.(*net.Conv); ok {
			w := conv.Weight.Data
			r.Shuffle(len(w), func(i, j int) { w[i], w[j] = w[j], w[i] })
		}
	}
	d := m.Description
	meta, err := d.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := onnx.Write(&buf, n, onnx.WriteOptions{Metadata: meta}); err != nil {
		t.Fatal(err)
	}
	out, err := segment.ReadModel(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func total(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}

// rankCorrelation is Spearman's.
func rankCorrelation(a, b []float64) float64 {
	ra, rb := ranks(a), ranks(b)
	n, sum := float64(len(a)), 0.0
	for i := range ra {
		sum += (ra[i] - rb[i]) * (ra[i] - rb[i])
	}
	return 1 - 6*sum/(n*(n*n-1))
}

func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case v[i] < v[j]:
			return -1
		case v[i] > v[j]:
			return 1
		}
		return i - j
	})
	out := make([]float64, len(v))
	for rank, i := range order {
		out[i] = float64(rank)
	}
	return out
}
