package main

import (
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// glass writes a picture without tissue, and says where.
func glass(t *testing.T) string {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 480, 360))
	draw.Draw(img, img.Rect, image.NewUniform(color.Gray{240}), image.Point{}, draw.Src)
	path := filepath.Join(t.TempDir(), "glass.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	return path
}

// A slide without tissue is done in no command as one without carcinoma is.
func TestDoneWithoutTissue(t *testing.T) {
	data := t.TempDir()
	for _, c := range []struct {
		args, wants []string
	}{
		{[]string{"run", "--mpp", "0.5", glass(t)}, []string{"NOTHING WAS ANALYSED: no tissue found; a person must look"}},
		{[]string{"status"}, []string{"done, no tissue found", "little or no tissue was found", "1 slide: 1 done; of those done 1 no tissue found"}},
		{[]string{"status", "--watch"}, []string{"done, no tissue found"}},
		{[]string{"summary"}, []string{"1 slide: 1 done, 0 failed, 0 refused; of those done 1 no tissue found"}},
	} {
		code, out, errs := command(append(c.args, "--data", data)...)
		for _, want := range c.wants {
			if code != exitDone || !strings.Contains(out, want) {
				t.Errorf("%q: exit code %d, no %q in\n%s%s", c.args, code, want, out, errs)
			}
		}
	}
	_, out, _ := command("status", "--json", "--data", data)
	var s struct {
		State, File string
		NoStatement string `json:"no_statement"`
		Warnings    []string
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil || s.State != "done" || s.File != "glass.png" || s.NoStatement != "no tissue found" || len(s.Warnings) != 1 {
		t.Errorf("%+v, %v: %s", s, err, out)
	}
}
