package labelled

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/train"
	"github.com/slidemill/slidemill/pkg/synth"
)

// folder makes files with the given texts; a name that ends in .png is a slide of 96×64 pixels whose mask,
// if it is one, holds the values of its text in equal columns.
func folder(t *testing.T, files map[string]string) *Folder {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if filepath.Ext(name) != ".png" {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		img := image.NewRGBA(image.Rect(0, 0, 96, 64))
		for i := range 96 * 64 {
			c := color.RGBA{200, 90, 160, 255}
			if len(text) > 0 {
				v := text[i%96*len(text)/96]
				c = color.RGBA{v, v, v, 255}
			}
			img.SetRGBA(i%96, i/96, c)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return &Folder{Root: dir, Outside: train.Ignore, MPP: 1}
}

const empty = `{"type":"FeatureCollection","features":[]}`

func square(class string) string {
	return `[{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[8,8],[40,8],[40,40],[8,40],[8,8]]]},"properties":{"classification":"` + class + `"}}]`
}

func TestFolder(t *testing.T) {
	f := folder(t, map[string]string{
		"A7-1.png": "", "A7-1.geojson": square("Tumor"), "A7-2.png": "", "A7-2-mask.png": "\x00\x01", "B.png": "", "B.png.geojson": empty, "notes.txt": "x",
	})
	slides, err := f.Slides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range slides {
		got = append(got, s.Name+" of "+s.Patient+": "+filepath.Base(s.Annotation)+" "+filepath.Base(s.Mask))
	}
	if want := []string{"A7-1 of 7: A7-1.geojson .", "A7-2 of 7: . A7-2-mask.png", "B of B: B.png.geojson ."}; !slices.Equal(got, want) {
		t.Errorf("slides %q, want %q", got, want)
	}
}

func TestFolderRefuses(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"no annotations": {"a.png": ""},
		"several":        {"a.png": "", "a.geojson": empty, "a.xml": ""},
	} {
		if _, err := folder(t, files).Slides(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// labels are those of the only slide of a folder, at its own scale.
func labels(t *testing.T, f *Folder) ([]uint8, error) {
	t.Helper()
	slides, err := f.Slides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o, err := slides[0].Open(t.Context())
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return o.Truth.Labels(t.Context(), 0, 0, 1, 96, 64)
}

func TestTruth(t *testing.T) {
	outlined := func(x, y int) bool { return x >= 8 && x < 40 && y >= 8 && y < 40 }
	for name, c := range map[string]struct {
		files map[string]string
		want  func(x, y int) uint8
	}{
		"outline": {map[string]string{"a.png": "", "a.geojson": square("High-grade dysplasia")}, func(x, y int) uint8 {
			if outlined(x, y) {
				return train.HighGrade
			}
			return train.Ignore
		}},
		"nothing to outline": {map[string]string{"a.png": "", "a.geojson": empty}, func(int, int) uint8 { return train.Background }},
		"mask": {map[string]string{"a.png": "", "a_mask.png": "\x00\x01\x02\x03\xff"}, func(x, _ int) uint8 {
			return []uint8{train.Background, train.Benign, train.HighGrade, train.Carcinoma, train.Carcinoma}[x*5/96]
		}},
	} {
		got, err := labels(t, folder(t, c.files))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, l := range got {
			if want := c.want(i%96, i/96); l != want {
				t.Errorf("%s: label %d at %d, %d, want %d", name, l, i%96, i/96, want)
				break
			}
		}
	}
}

func TestTruthRefuses(t *testing.T) {
	for want, files := range map[string]map[string]string{
		`"Lesion A" is not known`: {"a.png": "", "a.geojson": square("Lesion A")},
		"has no class":            {"a.png": "", "a.geojson": square("")},
		"mask value 7":            {"a.png": "", "a-mask.png": "\x07"},
	} {
		if _, err := labels(t, folder(t, files)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(want, "known") && !strings.Contains(err.Error(), "--classes") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestClasses(t *testing.T) {
	c, err := ReadClasses(strings.NewReader("\ufeffLesion A, carcinoma\n# a remark\nmask 7,ignore\nTUMOR,high-grade\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint8{
		"lesion_a": train.Carcinoma, "Tumor": train.HighGrade, "_0": train.Carcinoma, "_2": train.Background, "Low-grade dysplasia": train.Benign, "Ignore*": train.Ignore,
	} {
		if got, err := c.of(name); err != nil || got != want {
			t.Errorf("%q is %d (%v), want %d", name, got, err, want)
		}
	}
	if m := c.masks(); m[7] != train.Ignore || m[3] != train.Carcinoma || m[9] != -1 {
		t.Errorf("masks %v", m[:10])
	}
	for _, text := range []string{"a,b,c\n", "Tumor,bad\n", "a,carcinoma\nA,benign\n"} {
		if _, err := ReadClasses(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	groups := DefaultClasses().Groups()
	if groups["adenocarcinoma"] != train.Carcinoma || groups["high-grade-in"] != train.HighGrade || groups["low-grade-dysplasia"] != train.Benign {
		t.Errorf("groups %v", groups)
	}
}

func TestPatients(t *testing.T) {
	table, err := ReadPatients(strings.NewReader("slide,scanner,patient\nx.svs,S,1\ny,S,2\nx.svs,S,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	pattern, err := PatientsByPattern(`^(patient_\d+)_`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p          Patients
		name, want string
	}{{table, "x", "1"}, {table, "y", "2"}, {table, "z", ""}, {pattern, "patient_017_node_3", "patient_017"}, {pattern, "z", ""}, {Patients{}, "GT2001-3", "2001"}, {Patients{}, "TCGA-AA", "TCGA"}} {
		if got, err := c.p.Of(c.name); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s is of %q (%v), want %q", c.name, got, err, c.want)
		}
	}
	for _, text := range []string{"", "a,b\n", "image,patient\nx,\n", "image,patient\nx,1\nx,2\n"} {
		if _, err := ReadPatients(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// TestCutOfASyntheticSlide: its true mask, beside it as synth writes it, teaches both classes.
func TestCutOfASyntheticSlide(t *testing.T) {
	dir := t.TempDir()
	if err := synth.Write(t.Context(), synth.Config{Path: filepath.Join(dir, "S1-a.tiff"), Size: pyramid.Size{W: 1000, H: 800}, Seed: 7, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	f := &Folder{Root: dir, Outside: train.Ignore}
	slides, err := f.Slides(t.Context())
	if err != nil || len(slides) != 1 {
		t.Fatalf("%d slides, %v", len(slides), err)
	}
	cases, err := Cut{MPP: 1.3, Side: 128}.Cases(t.Context(), slides)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint8]int{}
	for _, c := range cases {
		if c.Patient != "1" || c.W != 128 || len(c.RGB) != 3*128*128 {
			t.Errorf("image %s of patient %s, %d×%d", c.Name, c.Patient, c.W, c.H)
		}
		seen[c.Main]++
	}
	if seen[train.Carcinoma] == 0 || len(seen) > 2 {
		t.Errorf("classes %v in %d images", seen, len(cases))
	}
	if _, err := (Cut{MPP: 1.3, Side: 128, MaxBytes: 1000}).Cases(t.Context(), slides); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("error %v", err)
	}
}

func FuzzReadClasses(f *testing.F) {
	f.Add("Lesion A,carcinoma\nmask 7,ignore\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadClasses(strings.NewReader(text))
		if err != nil {
			return
		}
		for name, class := range c {
			if class >= train.Classes && class != train.Ignore || normal(name) != name {
				t.Errorf("%q is class %d", name, class)
			}
		}
	})
}

func FuzzReadPatients(f *testing.F) {
	f.Add("slide,patient\nx.svs,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ReadPatients(strings.NewReader(text))
		if err != nil {
			return
		}
		for name, patient := range p.table {
			if got, err := p.Of(name); err != nil || got != patient || patient == "" {
				t.Errorf("%q is of %q, %v", name, got, err)
			}
		}
	})
}
