package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// checkNamed refuses what a command line names where it is not there, or of the wrong kind, with what to name instead: the
// system's own words say which of its calls failed. what is the flag, or what the argument is.
func checkNamed(what, path string, folder bool, instead string) error {
	st, err := os.Stat(path)
	wrong := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %s: this program may not look at it: give its user the right to", what, path)
	case err != nil && folder: // where a file is taken for a folder it is not there either
		wrong = "there is no such folder"
	case err != nil:
		wrong = "there is no such file"
	case folder && !st.IsDir():
		wrong = "it is a file, and no folder"
	case !folder && st.IsDir():
		wrong = "it is a folder, and no file"
	default:
		return nil
	}
	return &usageError{fmt.Errorf("%s %s: %s: %s", what, path, wrong, instead)}
}

// checkModel refuses a model that is not there.
func checkModel(path string) error {
	return checkNamed("model", path, false, "name the ONNX file of a model, or `builtin` for the one in this program")
}

// checkNetwork is checkModel where only a file will do.
func checkNetwork(path string) error { return checkNamed("model", path, false, "name its ONNX file") }

// makeData makes the data folder.
func makeData(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		return nil
	}
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if st, statErr := os.Stat(at); statErr == nil && !st.IsDir() {
			return &usageError{fmt.Errorf("--data %s: %s is a file, and no folder can be there: name another folder", dir, at)}
		} else if statErr == nil || at == filepath.Dir(at) {
			return fmt.Errorf("data folder: %w: give this program's user the right to make it, or name another with --data", err)
		}
	}
}
