package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const noSuchFile = "there is no such file"

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
		wrong = noSuchFile
	case folder && !st.IsDir():
		wrong = "it is a file, and no folder"
	case !folder && st.IsDir():
		wrong = "it is a folder, and no file"
	default:
		return nil
	}
	return &usageError{fmt.Errorf("%s %s: %s: %s", what, path, wrong, instead)}
}

// absence says in the same way why a slide or picture did not open that is not there or that nobody may read; nothing of any
// other error, such as that of another file. It looks at the error and not at the file: a slide's drive may not answer, and
// then only who opens it in time knows when to stop asking.
func absence(path string, err error) string {
	var system *fs.PathError
	if !errors.As(err, &system) || system.Path != path {
		return ""
	}
	switch {
	case errors.Is(system, fs.ErrNotExist), errors.Is(system, syscall.ENOTDIR):
		return noSuchFile + ": see whether its name is right and its drive is there"
	case errors.Is(system, fs.ErrPermission):
		return "this program may not read it: give its user the right to"
	}
	return ""
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
