package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a command line names and is not there is said in words that tell what to name, not in those of the system.
func TestNamedAndNotThere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, err := range []error{os.WriteFile("file", []byte("A file."), 0o600), os.Mkdir("folder", 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const noModel = "model no.onnx: there is no such file: name the ONNX file of a model, or `builtin`"
	const noSlide = "there is no such file: see whether its name is right and its drive is there"
	deep := filepath.Join("file", "deep.svs")
	for line, want := range map[string]string{
		"inspect no.svs":                                                    "slidemill: no.svs: " + noSlide,
		"inspect --json " + deep:                                            "slidemill: " + deep + ": " + noSlide,
		"tile no.svs --out x.dzi":                                           "slidemill: no.svs: " + noSlide,
		"segment no.png --mpp 1 --out x":                                    "slidemill: no.png: " + noSlide,
		"explain no.svs --at 1,1 --out x.png --data no":                     "slidemill: no file no.svs, and no data in no yet",
		"run --model no.onnx file":                                          noModel,
		"submit --model no.onnx file":                                       noModel,
		"watch --model no.onnx folder":                                      noModel,
		"serve --model no.onnx --listen 127.0.0.1:0":                        noModel,
		"model compare builtin no.onnx --data folder":                       noModel,
		"model inspect no.onnx":                                             noModel,
		"run --model folder file":                                           "model folder: it is a folder, and no file: name the ONNX file",
		"model bench no.onnx":                                               "model no.onnx: there is no such file: name its ONNX file",
		"model fingerprint no.onnx --data folder --out x":                   "model no.onnx: there is no such file",
		"model import no.onnx --out x --description no":                     "--description no: there is no such file: name the JSON file",
		"evaluate --data no --out x":                                        "--data no: there is no such folder: name the folder of the labelled images or slides",
		"evaluate --data file --out x":                                      "--data file: it is a file, and no folder",
		"evaluate --data folder --out x":                                    "--data folder: there is no folder val in it: name the folder that holds it",
		"evaluate --data folder --columns no.csv --out x":                   "--columns no.csv: there is no such file",
		"train --data no --out x.onnx":                                      "--data no: there is no such folder",
		"run --data file file":                                              "--data file: file is a file, and no folder can be there: name another folder",
		"submit --data file" + string(filepath.Separator) + "deep file":     "file is a file, and no folder can be there",
		"serve --watch no --listen 127.0.0.1:0 --workers 1 --data folder":   "it is not there: name the scanner's folder",
		"watch no --once --data folder":                                     "it is not there: name the scanner's folder",
		"summary --folder no --data folder --store dir:folder":              "it is not there: name the scanner's folder",
		"summary --folder file --data folder --store dir:folder --since 1d": "it is a file: name the folder that it lies in",
	} {
		code, out, errs := command(strings.Fields(line)...)
		if code == exitDone || !strings.Contains(errs, want) || strings.Contains(errs, "no such file or directory") {
			t.Errorf("%s: exit code %d, want %q:\n%s%s", line, code, want, out, errs)
		}
	}
}

// Who may not read a slide hears that; another file's error, and one that only has the same cause, are left as they are.
func TestAbsence(t *testing.T) {
	at := func(path string, cause error) error {
		return fmt.Errorf("open slide: %w", &fs.PathError{Op: "open", Path: path, Err: cause})
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{at("a.svs", fs.ErrNotExist), noSuchFile},
		{at("a.svs", fs.ErrPermission), "this program may not read it"},
		{at("a.svs", syscall.EIO), ""},
		{at("a/Data0001.dat", fs.ErrNotExist), ""},
		{fmt.Errorf("object: %w", fs.ErrNotExist), ""},
	} {
		if got := absence("a.svs", c.err); got == "" != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
