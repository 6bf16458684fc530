package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// forceFlag adds --force to a command with --out.
func forceFlag(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVar(force, "force", false, "write over what is there already")
}

// vacant refuses to write over what is there unless that is wished. It is asked before the work: who is refused has not
// waited for it.
func vacant(force bool, paths ...string) error {
	for _, path := range paths {
		if !force && there(path) && !isStream(path) {
			return occupied(path)
		}
	}
	return nil
}

// there reports whether a file or folder is there. One that may not be looked at is: whoever opens it hears why.
func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil || errors.Is(err, fs.ErrPermission)
}

// isStream reports whether a path is a pipe or a device: what is written there replaces nothing.
func isStream(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.Mode().IsRegular() && !st.IsDir()
}

// occupied refuses to write over what is there.
func occupied(path string) error {
	return &usageError{fmt.Errorf("%s is there already: choose another name, or write over it with --force", path)}
}

// writeTo writes a file, which appears whole or not at all, and its folder if need be. A symbolic link stays one, and a
// pipe or device is written to.
func writeTo(path string, write func(io.Writer) error) error {
	if isStream(path) {
		return writeThrough(path, write)
	}
	path = endOfLinks(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := createBeside(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// createBeside makes a file of a name that nobody has, with the rights that the umask leaves: what is handed to a person is
// read by whom that person's files are. A store has rights of its own.
func createBeside(path string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), ".slidemill-"+rand.Text())
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// endOfLinks is where a symbolic link leads, whether or not anything is there yet.
func endOfLinks(path string) string {
	const most = 40 // as many as kernels follow
	for range most {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return path
}

// writeThrough writes to what is not a file.
func writeThrough(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err // names the path
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
