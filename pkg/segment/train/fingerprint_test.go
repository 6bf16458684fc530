package train

import (
	"errors"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
)

func TestFingerprintOfTooFewImages(t *testing.T) {
	if _, err := Fingerprint([]Case{dots(20)}); !errors.Is(err, fingerprint.ErrTooFew) {
		t.Errorf("one small image gives %v", err)
	}
}

// validation is the middle patch of every validation image, changed.
func validation(t *testing.T, cases []Case, change func(*image.NRGBA) *image.NRGBA) (features [][]float64) {
	t.Helper()
	const side = fingerprint.PatchSide
	for _, c := range cases {
		from := imaging.Clone(rgbaOf(c.RGB, c.W, c.H))
		to := imaging.CropCenter(change(from), side, side)
		img := &image.RGBA{Pix: to.Pix, Stride: to.Stride, Rect: to.Rect}
		if f, ok := fingerprint.Patch(img, img.Rect); ok {
			features = append(features, f)
		}
	}
	return features
}

// TestBuiltinKnowsItsKind: of other patients' images hardly any look foreign, though compressed or a
// little out of focus; what is no H&E, or not in focus at all, does.
func TestBuiltinKnowsItsKind(t *testing.T) {
	root := os.Getenv("SLIDEMILL_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	root = filepath.Join(root, "ebhi-seg")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no EBHI-Seg: set SLIDEMILL_DATA to the folder that holds ebhi-seg")
	}
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	if m.Look == nil {
		t.Skip("the built-in model has no fingerprint yet: `slidemill model fingerprint`")
	}
	set, err := Load(t.Context(), Source{Root: root, Split: "val"})
	if err != nil {
		t.Fatal(err)
	}
	same := func(img *image.NRGBA) *image.NRGBA { return img }
	for _, c := range []struct {
		name        string
		change      func(*image.NRGBA) *image.NRGBA
		least, most float64
	}{
		{"as they are", same, 0, 0.02},
		{"slightly blurred", func(img *image.NRGBA) *image.NRGBA { return imaging.Blur(img, 0.7) }, 0, 0.05},
		{"inverted", func(img *image.NRGBA) *image.NRGBA { return imaging.Invert(img) }, 0.95, 1},
		{"grey", func(img *image.NRGBA) *image.NRGBA { return imaging.Grayscale(img) }, 0.95, 1},
		{"red and blue swapped", swapRedBlue, 0.95, 1},
		{"blurred by 5 pixels", func(img *image.NRGBA) *image.NRGBA { return imaging.Blur(img, 5) }, 0.8, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			cases := set.Cases
			if c.least > 0 { // foreign to the last: a part will do
				cases = cases[:len(cases)/4]
			}
			features, outside := validation(t, cases, c.change), 0
			for _, f := range features {
				if m.Look.Distance(f) > m.Look.Limit {
					outside++
				}
			}
			share := float64(outside) / float64(max(len(features), 1))
			t.Logf("%.1f %% of %d patches", 100*share, len(features))
			if len(features) == 0 || share < c.least || share > c.most {
				t.Errorf("%.1f %% of %d patches look like nothing in training, want %.0f to %.0f %%", 100*share, len(features), 100*c.least, 100*c.most)
			}
		})
	}
}

// swapRedBlue makes brown of blue, as another stain would.
func swapRedBlue(img *image.NRGBA) *image.NRGBA {
	out := imaging.Clone(img)
	for i := 0; i < len(out.Pix); i += 4 {
		out.Pix[i], out.Pix[i+2] = out.Pix[i+2], out.Pix[i]
	}
	return out
}
