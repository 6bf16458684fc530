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

// What an interrupted run left is in no queue, and no serve goes on with it: status says what does, and waits for nobody.
func TestInterruptedRun(t *testing.T) {
	data := t.TempDir()
	waiting, left := glass(t), filepath.Join(t.TempDir(), "left.tiff")
	for _, args := range [][]string{{"synth", "--out", left, "--size", "480x360"}, {"submit", "--data", data, "--mpp", "0.5", waiting}} {
		if code, _, errs := command(args...); code != exitDone {
			t.Fatalf("%q: %s", args, errs)
		}
	}
	interrupt(t, data, left)
	code, out, errs := command("status", "--watch", "--data", data)
	for _, want := range []string{"interrupted, in no queue", "1 slide is interrupted and in no queue: give the same `slidemill run` again", "1 slide waits: start `slidemill serve"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in\n%s%s", code, want, out, errs)
		}
	}
	if _, out, _ := command("status", "--json", "--data", data, "left"); !strings.Contains(out, `"interrupted":true`) {
		t.Errorf("%s", out)
	}
	if _, out, _ := command("status", "--data", data, "glass"); strings.Contains(out, "interrupted") {
		t.Errorf("one that waits in the queue: %s", out)
	}
	if code, _, errs := command("run", "--data", data, left); code != exitDone {
		t.Fatalf("again: %s", errs)
	}
	if _, out, _ := command("status", "--data", data, "left"); strings.Contains(out, "interrupted") {
		t.Errorf("when it is done: %s", out)
	}
}

// interrupt leaves of a slide what a run that was interrupted at once leaves: its order, whose job went with the queue.
func interrupt(t *testing.T, data, path string) {
	t.Helper()
	if code, _, errs := command("submit", "--data", t.TempDir(), "--store", "dir:"+filepath.Join(data, "store"), path); code != exitDone {
		t.Fatal(errs)
	}
}
