package fingerprint

import (
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// stained is an image of pure haematoxylin in the density that amount gives each pixel.
func stained(w, h int, amount func(x, y int) float64) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, shades[int(1000*amount(x, y)+0.5)])
		}
	}
	return img
}

// shades are the colours of haematoxylin by the thousandth of optical density.
var shades = func() (c [3000]color.RGBA) {
	v := unit(0.65, 0.70, 0.29)
	for i := range c {
		byteOf := func(k int) uint8 { return uint8(math.Round(256*math.Exp(-float64(i)/1000*v[k]) - 1)) }
		c[i] = color.RGBA{byteOf(0), byteOf(1), byteOf(2), 255}
	}
	return c
}()

func feature(t *testing.T, f []float64, name string) float64 {
	t.Helper()
	i := slices.Index(names, name)
	if i < 0 || len(f) != len(names) {
		t.Fatalf("no feature %s among %d", name, len(f))
	}
	return f[i]
}

func TestFeaturesByHand(t *testing.T) {
	flat, ok := Patch(stained(Block, Block, func(int, int) float64 { return 1 }), image.Rect(0, 0, Block, Block))
	if !ok {
		t.Fatal("tissue was taken for glass")
	}
	if h, e, r := feature(t, flat, "haematoxylin"), feature(t, flat, "eosin"), feature(t, flat, "residual"); math.Abs(h-1) > 0.01 || math.Abs(e) > 0.01 || math.Abs(r) > 0.01 {
		t.Errorf("haematoxylin %.3f, eosin %.3f, residual %.3f, want 1, 0, 0", h, e, r)
	}
	board, _ := Patch(stained(Block, Block, func(x, y int) float64 { return 0.8 + 0.4*float64((x+y)%2) }), image.Rect(0, 0, Block, Block))
	if s, d := feature(t, board, "sharpness"), feature(t, board, "haematoxylin_spread"); s < 0.999 || math.Abs(d-0.2) > 0.01 {
		t.Errorf("a checkerboard has sharpness %.3f and spread %.3f", s, d)
	}
	stripes, _ := Patch(stained(Block, Block, func(x, _ int) float64 { return 0.8 + 0.4*float64(x/4%2) }), image.Rect(0, 0, Block, Block))
	if c := feature(t, stripes, "coherence_2"); c < 0.99 {
		t.Errorf("stripes run one way, coherence %.3f", c)
	}
	if s := feature(t, stripes, "texture_4"); s < 0.9 {
		t.Errorf("stripes of four pixels have %.3f of their energy there", s)
	}
}

// TestUnmixIsTheInverse: each row takes its own stain as 1 and the others as 0.
func TestUnmixIsTheInverse(t *testing.T) {
	h, e := unit(0.65, 0.70, 0.29), unit(0.07, 0.99, 0.11)
	for s, row := range unmix {
		for k, v := range [][3]float64{h, e} {
			got := 0.0
			for i := range 3 {
				got += float64(row[i]) * v[i] / 4096
			}
			if want := map[bool]float64{true: 1}[s == k]; math.Abs(got-want) > 1e-3 {
				t.Errorf("row %d of stain %d gives %.4f", s, k, got)
			}
		}
	}
}

// TestTablesAreFarFromTies: a processor whose logarithm differs in its last bit makes the same table.
func TestTablesAreFarFromTies(t *testing.T) {
	for v := range 256 {
		exact := -1024 * math.Log(float64(v+1)/256)
		if _, frac := math.Modf(exact); math.Abs(frac-0.5) < 1e-9 {
			t.Errorf("density of %d is a tie: %.12f", v, exact)
		}
	}
}

func TestGlassSaysNothing(t *testing.T) {
	glassy := stained(Block, Block, func(x, _ int) float64 {
		if x < Block/5 {
			return 1
		}
		return 0
	})
	if _, ok := Patch(glassy, glassy.Rect); ok {
		t.Error("a fifth of tissue has features")
	}
}

// noisy is tissue of a grain and a density.
func noisy(seed uint64, w, h int, density, grain float64) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 9))
	return stained(w, h, func(int, int) float64 { return density + grain*r.Float64() })
}

// learned is the fingerprint of 200 noisy patches.
func learned(t *testing.T) *Fingerprint {
	t.Helper()
	fp, err := learnedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return fp
}

var learnedOnce = sync.OnceValues(func() (*Fingerprint, error) {
	s := Sample{Images: 200}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 200 {
		f, ok := Patch(noisy(uint64(i), PatchSide, PatchSide, 0.4+0.2*r.Float64(), 0.3+0.2*r.Float64()), image.Rect(0, 0, PatchSide, PatchSide))
		if !ok {
			return nil, errors.New("no tissue")
		}
		s.Plain = append(s.Plain, f)
	}
	return Fit(s)
})

// TestCalibration: as many training patches lie outside as was promised, others of the same kind hardly
// more, and what is another kind all.
func TestCalibration(t *testing.T) {
	fp := learned(t)
	outside := func(n int, make func(seed uint64, r *rand.Rand) *image.RGBA) (share float64) {
		r := rand.New(rand.NewPCG(5, 5))
		for i := range n {
			img := make(uint64(1000+i), r)
			f, _ := Patch(img, img.Rect)
			if fp.Distance(f) > fp.Limit {
				share += 1 / float64(n)
			}
		}
		return share
	}
	same := outside(100, func(seed uint64, r *rand.Rand) *image.RGBA {
		return noisy(seed, PatchSide, PatchSide, 0.4+0.2*r.Float64(), 0.3+0.2*r.Float64())
	})
	if same > 0.06 {
		t.Errorf("%.0f %% of the same kind lie outside", 100*same)
	}
	darker := outside(20, func(seed uint64, r *rand.Rand) *image.RGBA { return noisy(seed, PatchSide, PatchSide, 1.2, 0.4) })
	smooth := outside(20, func(seed uint64, r *rand.Rand) *image.RGBA {
		return stained(PatchSide, PatchSide, func(x, y int) float64 { return 0.5 + 0.2*math.Sin(float64(x)/30)*math.Sin(float64(y)/30) })
	})
	if darker < 1 || smooth < 1 {
		t.Errorf("of darker images %.0f %% and of smooth ones %.0f %% lie outside", 100*darker, 100*smooth)
	}
}

// TestVerdictsDependOnTheirPatchAlone: whatever rectangle is asked for, a block's verdict is the same.
func TestVerdictsDependOnTheirPatchAlone(t *testing.T) {
	fp := learned(t)
	whole := image.Rect(0, 0, 512, 448)
	canvas := image.NewRGBA(Cover(whole))
	r := rand.New(rand.NewPCG(3, 3))
	for i := range canvas.Pix {
		canvas.Pix[i] = uint8(90 + r.IntN(80))
	}
	all := fp.Judge(canvas, whole, nil)
	levels := map[uint8]bool{}
	for _, part := range []image.Rectangle{{image.Pt(64, 64), image.Pt(128, 128)}, {image.Pt(16, 208), image.Pt(272, 416)}, {image.Pt(480, 0), image.Pt(512, 48)}} {
		cover := Cover(part)
		small := image.NewRGBA(cover)
		for y := cover.Min.Y; y < cover.Max.Y; y++ {
			copy(small.Pix[small.PixOffset(cover.Min.X, y):], canvas.Pix[canvas.PixOffset(cover.Min.X, y):][:4*cover.Dx()])
		}
		v := fp.Judge(small, part, nil)
		for y := part.Min.Y; y < part.Max.Y; y += 16 {
			for x := part.Min.X; x < part.Max.X; x += 16 {
				if v.At(x, y) != all.At(x, y) {
					t.Fatalf("block at %d,%d is %d in %v and %d in the whole", x, y, v.At(x, y), part, all.At(x, y))
				}
				levels[v.At(x, y)] = true
			}
		}
	}
	if len(levels) == 1 && levels[0] {
		t.Error("no block was judged, which proves little")
	}
}

func TestParse(t *testing.T) {
	good, err := json.Marshal(learned(t))
	if err != nil {
		t.Fatal(err)
	}
	if f, err := Parse(good); err != nil || f == nil {
		t.Fatalf("own fingerprint: %v", err)
	}
	for _, none := range []string{"", `{"images":3,"features":{"eosin":{"mean":1}}}`} {
		if f, err := Parse(json.RawMessage(none)); f != nil || err != nil {
			t.Errorf("%q gives %v, %v", none, f, err)
		}
	}
	for name, change := range map[string][2]string{
		"limit of zero":     {`"limit":`, `"limit":-`},
		"other features":    {`"eosin"`, `"eosine"`},
		"not a fingerprint": {`{"version"`, `["version"`},
		"newer version":     {`"version":2`, `"version":3`},
	} {
		if _, err := Parse(json.RawMessage(strings.Replace(string(good), change[0], change[1], 1))); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestTooFew(t *testing.T) {
	if _, err := Fit(Sample{}); !errors.Is(err, ErrTooFew) {
		t.Errorf("no patches give %v", err)
	}
}

// BenchmarkJudge measures a region with its peer, the portable loops.
func BenchmarkJudge(b *testing.B) {
	look := &Fingerprint{Limit: 1, Mean: make([]float64, len(names))}
	for i := range names {
		look.Whiten = append(look.Whiten, make([]float64, i+1))
	}
	r := image.Rect(0, 0, 2048, 2048)
	canvas := noisy(1, Cover(r).Dx(), Cover(r).Dy(), 0.5, 0.3)
	canvas.Rect = Cover(r)
	for _, loops := range []string{"assembly", "go"} {
		b.Run(loops, func(b *testing.B) {
			if loops == "go" {
				plain(b)
			}
			b.SetBytes(int64(4 * r.Dx() * r.Dy()))
			b.ReportAllocs()
			for b.Loop() {
				look.Judge(canvas, r, nil)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(2.048*2.048*1.3*1.3), "s/mm²")
		})
	}
}
