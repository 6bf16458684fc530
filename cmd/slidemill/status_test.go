package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
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
	outlines := filepath.Join(data, "glass.geojson")
	for _, c := range []struct {
		args, wants []string
	}{
		{[]string{"run", "--mpp", "0.5", glass(t)}, []string{"NOTHING WAS ANALYSED: no tissue found; a person must look"}},
		{[]string{"status"}, []string{"done, no tissue found", "little or no tissue was found", "1 slide: 1 done; of those done 1 no tissue found"}},
		{[]string{"status", "--watch"}, []string{"done, no tissue found"}},
		{[]string{"export", "glass.png", "--out", outlines}, []string{outlines + ": NOTHING WAS ANALYSED: no tissue found; a person must look"}},
		{[]string{"export", "glass.png", "--out", stem(outlines) + ".tiff"}, []string{"NOTHING WAS ANALYSED: no tissue found; a person must look"}},
		{[]string{"explain", "glass.png", "--at", "200,200", "--size", "32", "--steps", "1", "--json"}, []string{"glass.png: NOTHING WAS ANALYSED: no tissue found"}},
		{[]string{"summary"}, []string{"1 slide: 1 done, 0 failed, 0 refused; of those done 1 no tissue found"}},
	} {
		code, out, errs := command(append(c.args, "--data", data)...)
		for _, want := range c.wants {
			if code != exitDone || !strings.Contains(out+errs, want) {
				t.Errorf("%q: exit code %d, no %q in\n%s%s", c.args, code, want, out, errs)
			}
		}
	}
	if text, err := os.ReadFile(outlines); err != nil || !strings.Contains(string(text), `"no_statement":"no tissue found"`) {
		t.Errorf("the outlines are %s, %v", text, err)
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
	left := interruptedRun(t, data)
	if code, _, errs := command("submit", "--data", data, "--mpp", "0.5", glass(t)); code != exitDone {
		t.Fatal(errs)
	}
	code, out, errs := command("status", "--watch", "--data", data)
	for _, want := range []string{"interrupted, in no queue", "2 slides: 1 interrupted, 1 waiting", "1 slide is interrupted and in no queue: give the same `slidemill run` again", "1 slide waits: start `slidemill serve"} {
		if code != exitFailed || !strings.Contains(out, want) {
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

// Under a serve, too, nobody waits for what is interrupted: it needs a person.
func TestWatchingEndsAtInterrupted(t *testing.T) {
	data := t.TempDir()
	interruptedRun(t, data)
	endServe := serving(t, data)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs([]string{"status", "--data", data, "--watch", "--every", "50ms"})
	root.SetOut(&out)
	root.SetErr(io.Discard)
	if err := root.ExecuteContext(ctx); !errors.Is(err, errSlidesFailed) || !strings.Contains(out.String(), "1 slide: 1 interrupted") {
		t.Errorf("%v:\n%s", err, out.String())
	}
	endServe()
}

// serving lets a serve work in the folder until the function is called.
func serving(t *testing.T, data string) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	root := newRoot()
	root.SetArgs([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--workers", "1"})
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	for !there(filepath.Join(data, "contact.json")) {
		select {
		case err := <-ended:
			t.Fatalf("the serve ended by itself: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return func() {
		cancel()
		<-ended
	}
}

// interruptedRun is a slide of which a run was begun in the folder and interrupted.
func interruptedRun(t *testing.T, data string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "left.tiff")
	if code, _, errs := command("synth", "--out", path, "--size", "2400x1800"); code != exitDone {
		t.Fatal(errs)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	root := newRoot()
	root.SetArgs([]string{"run", "--data", data, "--workers", "1", path})
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	for begun := false; !begun; time.Sleep(time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("the run ended by itself: %v", err)
		default:
		}
		orders, err := filepath.Glob(filepath.Join(data, "store", store.Orders(), "*", "*"))
		begun = err == nil && len(orders) > 0
	}
	interrupt()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("it was to be interrupted: %v", err)
	}
	return path
}

// What is in the queue of another folder that has the same store is not interrupted, as far as this folder's queue tells; nor
// is it for this folder's serve to do.
func TestNotInterruptedElsewhere(t *testing.T) {
	shared := "dir:" + filepath.Join(t.TempDir(), "shared")
	there, here := t.TempDir(), t.TempDir()
	if code, _, errs := command("submit", "--data", there, "--store", shared, "--mpp", "0.5", glass(t)); code != exitDone {
		t.Fatal(errs)
	}
	for _, form := range []string{"--json", "--times"} {
		code, out, errs := command("status", "--data", here, "--store", shared, form)
		if code != exitDone || !strings.Contains(out, "waiting") || strings.Contains(out, "interrupted") || strings.Contains(out, "nobody works here") {
			t.Errorf("%s: exit code %d:\n%s%s", form, code, out, errs)
		}
	}
	if _, out, _ := command("status", "--data", there, "--store", shared); !strings.Contains(out, "nobody works here, and 1 slide waits") {
		t.Errorf("where it was ordered:\n%s", out)
	}
}

// Only the data folder's own store has no other queue.
func TestSharedPlaces(t *testing.T) {
	for _, c := range []struct {
		place
		want bool
	}{
		{place{data: "d"}, false},
		{place{data: "d", store: "dir:d/store"}, false},
		{place{data: "./d/", store: "dir:d/x/../store"}, false},
		{place{data: "d", store: "dir:other"}, true},
		{place{data: "d", store: "s3://bucket/prefix"}, true},
		{place{data: "d", nats: "nats://host:4222"}, true},
	} {
		if got := c.shared(); got != c.want {
			t.Errorf("%+v: %v, want %v", c.place, got, c.want)
		}
	}
}
