//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/segment/builtin"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/blocks"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/s3"
	"github.com/slidemill/slidemill/workers"
)

// A key that a laboratory might have: every part of it is written differently in a URL.
const (
	patientKey     = "in tray/DOE, Jane+1/Müller 50% (a).tiff"
	patientAddress = "s3://slides/in tray/DOE, Jane+1/Müller 50%25 (a).tiff"
)

// tells reports whether a text tells something of the patient's key.
func tells(text string) bool {
	for _, part := range []string{"tray", "DOE", "Jane", "ller", "50%", "(a)"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// TestSlideInS3: a slide in S3 is the same slide as its file, in everything that is made of it; and wherever it
// is ordered, worked on or gone, what is kept about it does not tell its name.
func TestSlideInS3(t *testing.T) {
	t.Chdir(".") // see TestRemote
	file := filepath.Join(t.TempDir(), "slide.tiff")
	if code, _, errs := command("synth", "--out", file, "--size", "1200x900", "--seed", "3"); code != 0 {
		t.Fatal(errs)
	}
	s3Server(t)
	upload(t, file, patientKey)
	data := t.TempDir()
	local := report(t, "run", "--json", "--data", t.TempDir(), file)
	remote := report(t, "run", "--json", "--data", data, patientAddress)
	if local.SHA256 != remote.SHA256 || local.Slide.ID != remote.Slide.ID || local.Run.ID != remote.Run.ID {
		t.Errorf("from S3 slide %s, run %s, sums %+v; from the file %s, %s, %+v",
			remote.Slide.ID, remote.Run.ID, remote.SHA256, local.Slide.ID, local.Run.ID, local.SHA256)
	}
	if remote.Slide.File != "Müller 50% (a).tiff" {
		t.Errorf("the slide is called %q", remote.Slide.File)
	}
	t.Run("submit", func(t *testing.T) { wantID(t, submitS3(t), local.Slide.ID) })
	t.Run("missing", missingInS3)
	t.Run("worker", goneInS3)
	t.Run("replaced", replacedInS3)
}

// upload puts a file into the bucket of s3Server.
func upload(t *testing.T, file, key string) {
	t.Helper()
	b, err := s3.Open(t.Context(), s3.Config{Bucket: "slides"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := b.Put(t.Context(), key, f, -1); err != nil {
		t.Fatal(err)
	}
}

// submitS3 orders the slide where nobody works.
func submitS3(t *testing.T) (o order) {
	t.Helper()
	code, out, errs := command("submit", "--json", "--data", t.TempDir(), patientAddress)
	if code != 0 {
		t.Fatal(errs)
	}
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func wantID(t *testing.T, o order, id string) {
	t.Helper()
	if o.Slide != id || o.State != intake.Waiting || o.File != "Müller 50% (a).tiff" {
		t.Errorf("ordered as %+v, want slide %s", o, id)
	}
}

// missingInS3: an object that is not there fails with a hint, an address that is none is a wrong command line.
func missingInS3(t *testing.T) {
	code, out, errs := command("run", "--json", "--data", t.TempDir(), "s3://slides/in tray/DOE, Jane+1/gone.tiff")
	if code != exitFailed || !strings.Contains(errs, "not there any more") || !strings.Contains(errs, "check the address") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	var r struct{ Reason string }
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Reason == "" || tells(r.Reason) || strings.Contains(r.Reason, "gone.tiff") {
		t.Errorf("reason %q, %v", r.Reason, err)
	}
	for _, name := range []string{"http://host/x.svs", "s3://slides", "s3://slides/folder/", "s3://slides/a#1.svs", "s3://slides/x?secret=1", "s3://key:secret@slides/x"} {
		for _, verb := range []string{"run", "submit", "inspect"} {
			args := []string{verb, name}
			if verb != "inspect" {
				args = append(args, "--data", t.TempDir())
			}
			if code, _, errs := command(args...); code != exitUsage {
				t.Errorf("%v: exit code %d: %s", args, code, errs)
			}
		}
	}
}

// goneInS3: a worker's reasons, which are logged and stored, tell no name: of an object that went away, of
// a wrong password, of a server that does not answer, of a file that is no slide.
func goneInS3(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no slide"), 0o600); err != nil {
		t.Fatal(err)
	}
	upload(t, text, "in tray/DOE, Jane+1/text")
	for name, c := range map[string]struct {
		address string
		env     [2]string
		is      error
	}{
		"gone":     {"s3://slides/in tray/DOE, Jane+1/gone.tiff", [2]string{"AWS_REGION", "us-east-1"}, fs.ErrNotExist},
		"bucket":   {"s3://nowhere/in tray/DOE, Jane+1/x.tiff", [2]string{"AWS_REGION", "us-east-1"}, fs.ErrNotExist},
		"password": {patientAddress, [2]string{"AWS_SECRET_ACCESS_KEY", "wrong"}, fs.ErrPermission},
		"text":     {"s3://slides/in tray/DOE, Jane+1/text", [2]string{"AWS_REGION", "us-east-1"}, nil},
		"prefix":   {"s3://slides/DOE\\Jane/x", [2]string{"AWS_REGION", "us-east-1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(c.env[0], c.env[1])
			err := tileRemote(t, c.address)
			if err == nil || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("error %v, want %v", err, c.is)
			}
			if reason := intake.Reason(err); tells(reason) || tells(err.Error()) {
				t.Errorf("reason %q", reason)
			} else {
				t.Log(reason)
			}
		})
	}
}

// tileRemote has a worker cut a slide.
func tileRemote(t *testing.T, address string) error {
	t.Helper()
	tile, job := tileJob(t, address)
	return tile.Do(t.Context(), job)
}

// tileJob is a slide's job, and a worker for it.
func tileJob(t *testing.T, address string) (*workers.Tile, jobs.Job) {
	t.Helper()
	m, err := builtin.Model()
	if err != nil {
		t.Fatal(err)
	}
	o := intake.Order{Source: address, Model: m.Ref, Parameters: m.Settle(segment.Parameters{})}
	if sum, err := slide.Remote(openObject).Hash(t.Context(), address, nil); err == nil {
		o.Slide = pyramid.NewSlideID(sum)
	}
	job, err := o.Job()
	if err != nil {
		t.Fatal(err)
	}
	c := &crew{bucket: mem.New(), model: m, workers: 1, log: slog.New(slog.DiscardHandler)}
	h, _, err := c.handler(string(jobs.Tile))
	if err != nil {
		t.Fatal(err)
	}
	return h.(*workers.Tile), job
}

// TestUnreachableTellsNothing: an error on the way holds the whole URL, escaped.
func TestUnreachableTellsNothing(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	_, err := openObject(t.Context(), patientAddress)
	if err == nil || tells(err.Error()) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("error %v", err)
	}
}

// TestBrokenReadTellsNothing: nor does what goes wrong after an object is open. Its end is no error.
func TestBrokenReadTellsNothing(t *testing.T) {
	o, err := parseObject(patientAddress)
	if err != nil {
		t.Fatal(err)
	}
	bucket := mem.New()
	if err := bucket.Put(t.Context(), o.key, strings.NewReader("four"), 4); err != nil {
		t.Fatal(err)
	}
	r, err := blocks.Open(t.Context(), bucket, o.key, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := &objectBytes{Reader: r, object: o}
	if n, err := b.ReadAt(make([]byte, 4), 4); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if err := bucket.Delete(t.Context(), o.key); err != nil {
		t.Fatal(err)
	}
	_, err = b.ReadAt(make([]byte, 4), 0)
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNotFound) || tells(err.Error()) {
		t.Errorf("gone: %v", err)
	}
}

// TestRedacted: however a key is written, nothing of it is left, and the rest is.
func TestRedacted(t *testing.T) {
	for _, text := range []string{
		"stat " + patientKey + ": not found",
		`key "` + patientKey + `": bad`,
		`Get "http://h/slides/in%20tray/DOE%2C%20Jane%2B1/M%C3%BCller%2050%25%20%28a%29.tiff": refused`,
		`Get "http://h/slides/in%20tray/DOE,%20Jane+1/M%C3%BCller%2050%25%20%28a%29.tiff": refused`,
		`Get "http://h/slides?prefix=in+tray%2FDOE%2C+Jane%2B1%2F&x=1": refused`,
		`Get "http://h/slides?prefix=in%20tray%2FDOE%2C%20Jane%2B1%2F&x=1": refused`,
		"open store s3://slides/in tray/DOE, Jane+1: refused",
		"read Müller 50% (a).tiff at byte 65536: refused",
	} {
		got := redacted(text, patientKey)
		end := text[strings.LastIndex(text, ": "):]
		if tells(got) || !strings.HasSuffix(got, end) {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	if got := redacted("open store s3://b/in: in 3 tries", "in/x.svs"); got != "open store s3://b…: in 3 tries" {
		t.Errorf("a short folder: %q", got)
	}
}

// replacedInS3: an object that is replaced after it was hashed is not cut under the name of the one that was; who has
// the old one open reads no byte of the new.
func replacedInS3(t *testing.T) {
	key, address := "in tray/DOE, Jane+1/replaced.tiff", "s3://slides/in tray/DOE, Jane+1/replaced.tiff"
	var files [2]string
	for i := range files {
		files[i] = filepath.Join(t.TempDir(), "slide.tiff")
		if code, _, errs := command("synth", "--out", files[i], "--size", "600x500", "--seed", fmt.Sprint(i)); code != 0 {
			t.Fatal(errs)
		}
	}
	upload(t, files[0], key)
	held, err := openObject(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	opened := 0
	tile, job := tileJob(t, address)
	remote := tile.Remote
	tile.Remote = func(ctx context.Context, name string) (slide.Source, error) {
		if opened++; opened == 3 { // after its size and its hash
			upload(t, files[1], key)
		}
		return remote(ctx, name)
	}
	if err := tile.Do(t.Context(), job); !errors.Is(err, store.ErrReplaced) || tells(err.Error()) {
		t.Errorf("cut: %v", err)
	}
	if n, err := held.ReadAt(make([]byte, 100), 0); n > 0 || !errors.Is(err, store.ErrReplaced) || tells(err.Error()) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	err = tile.Do(t.Context(), job)
	if reason := intake.Reason(err); !strings.Contains(reason, "changed since it was ordered") || tells(reason) {
		t.Errorf("tried again: %s", reason)
	}
}
