package train

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// picture is 4×2 red pixels; mask is 4×2 with the given values.
func picture() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 4, 2))
	for i := range img.Pix {
		img.Pix[i] = [4]uint8{200, 10, 20, 255}[i%4]
	}
	return img
}

func grey(values ...uint8) image.Image {
	return &image.Gray{Pix: values, Stride: 4, Rect: image.Rect(0, 0, 4, len(values)/4)}
}

func TestLoadGroups(t *testing.T) {
	root := t.TempDir()
	writePNG(t, filepath.Join(root, "train", "polyp", "image", "GT77-1-400-001.png"), picture())
	writePNG(t, filepath.Join(root, "train", "polyp", "mask", "GT77-1-400-001.png"), grey(0, 255, 0, 0, 0, 255, 1, 0))
	writePNG(t, filepath.Join(root, "train", "adenocarcinoma", "image", "GT8-1-400-001.png"), picture())
	bilevel := image.NewPaletted(image.Rect(0, 0, 4, 2), color.Palette{color.White, color.Black}) // white is index 0
	writePNG(t, filepath.Join(root, "train", "adenocarcinoma", "mask", "GT8-1-400-001.png"), bilevel)
	set, err := Load(t.Context(), Source{Root: root, Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Cases) != 2 {
		t.Fatalf("%d cases", len(set.Cases))
	}
	cancer, polyp := set.Cases[0], set.Cases[1]
	if !cancer.Coarse || cancer.Main != Carcinoma || cancer.Patient != "8" {
		t.Errorf("carcinoma case: coarse %v, class %d, patient %q", cancer.Coarse, cancer.Main, cancer.Patient)
	}
	if want := []uint8{0, 1, 0, 0, 0, 1, 1, 0}; !slices.Equal(polyp.Label, want) || polyp.Coarse || polyp.Group != "polyp" {
		t.Errorf("polyp case: labels %v, group %q", polyp.Label, polyp.Group)
	}
	if want := slices.Repeat([]uint8{200, 10, 20}, 8); !slices.Equal(polyp.RGB, want) {
		t.Errorf("colours %v", polyp.RGB)
	}
}

func TestLoadValues(t *testing.T) {
	root := t.TempDir()
	writePNG(t, filepath.Join(root, "image", "a.png"), picture())
	writePNG(t, filepath.Join(root, "mask", "a.png"), grey(0, 7, 7, 9, 0, 0, 0, 9))
	set, err := Load(t.Context(), Source{Root: root, Values: map[uint8]uint8{0: 0, 7: Benign, 9: Carcinoma}})
	if err != nil {
		t.Fatal(err)
	}
	c := set.Cases[0]
	if want := []uint8{0, 1, 1, 3, 0, 0, 0, 3}; !slices.Equal(c.Label, want) || c.Main != Carcinoma || c.Patient != "a" {
		t.Errorf("labels %v, class %d, patient %q", c.Label, c.Main, c.Patient)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := func(t *testing.T) string {
		root := t.TempDir()
		writePNG(t, filepath.Join(root, "polyp", "image", "a.png"), picture())
		writePNG(t, filepath.Join(root, "polyp", "mask", "a.png"), grey(0, 1, 0, 1, 0, 1, 0, 1))
		return root
	}
	for name, tc := range map[string]struct {
		damage func(t *testing.T, root string, s *Source)
		want   string
	}{
		"no folder":     {func(_ *testing.T, _ string, s *Source) { s.Split = "val" }, "val"},
		"empty":         {func(t *testing.T, root string, _ *Source) { remove(t, root, "polyp") }, "no images found"},
		"no mask":       {func(t *testing.T, root string, _ *Source) { remove(t, root, "polyp/mask/a.png") }, "has no mask"},
		"unknown group": {func(_ *testing.T, _ string, s *Source) { s.Groups = map[string]uint8{"tumour": 3} }, "class map"},
		"unknown value": {func(_ *testing.T, _ string, s *Source) { s.Values = map[uint8]uint8{0: 0} }, "mask value 1"},
		"other size": {func(t *testing.T, root string, _ *Source) {
			writePNG(t, filepath.Join(root, "polyp", "mask", "a.png"), grey(0, 1, 0, 1))
		}, "must be equal"},
		"too large": {func(_ *testing.T, _ string, s *Source) { s.MaxBytes = 31 }, "more than 31 bytes"},
		"not an image": {func(t *testing.T, root string, _ *Source) {
			if err := os.WriteFile(filepath.Join(root, "polyp", "image", "a.png"), []byte("hello"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "a.png"},
	} {
		t.Run(name, func(t *testing.T) {
			root := good(t)
			s := Source{Root: root}
			tc.damage(t, root, &s)
			if _, err := Load(t.Context(), s); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func remove(t *testing.T, parts ...string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(parts...)); err != nil {
		t.Fatal(err)
	}
}

func TestPatientOf(t *testing.T) {
	for stem, want := range map[string]string{
		"GT2001837-1-400-003": "2001837", "slide7": "slide7", "P12-3": "12", "": "",
	} {
		if got := PatientOf(stem); got != want {
			t.Errorf("PatientOf(%q) = %q, want %q", stem, got, want)
		}
	}
}

// TestRealData reads EBHI-Seg where it lies beside the project.
func TestRealData(t *testing.T) {
	root := os.Getenv("SLIDEMILL_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	root = filepath.Join(root, "ebhi-seg")
	if _, err := os.Stat(root); err != nil {
		t.Skip("EBHI-Seg is not beside the project; set SLIDEMILL_DATA to the folder that holds ebhi-seg")
	}
	set, err := Load(t.Context(), Source{Root: root, Split: "val"})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Cases) != 359 || patients(set.Cases) != 49 {
		t.Errorf("%d validation images of %d patients, want 359 of 49", len(set.Cases), patients(set.Cases))
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(path, []byte("hello, this is text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := decode(path); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("error %v", err)
	}
}
