package slide

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Files are the files that a slide consists of: the one that is named, or all instances of a DICOM series
// where a folder or one of its files is named. They are in no order that means anything.
func Files(ctx context.Context, path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open slide: %w", err)
	}
	folder, named := path, ""
	if !st.IsDir() {
		f, err := openRegular(path)
		if err != nil {
			return nil, err
		}
		head := readHead(f, 132)
		if err := f.Close(); err != nil {
			return nil, err
		}
		if !isDICOM(head) {
			return append([]string{path}, companions(path)...), nil
		}
		folder, named = filepath.Dir(path), filepath.Join(filepath.Dir(path), filepath.Base(path))
	}
	files, err := openInstances(ctx, folder, named)
	if err != nil {
		return nil, fmt.Errorf("open slide %s: %w", path, err)
	}
	var out []string
	for _, f := range files {
		out = append(out, f.Name())
	}
	return out, files.Close()
}

// Bytes is the size of all files of a slide.
func Bytes(ctx context.Context, path string) (n int64, err error) {
	files, err := Files(ctx, path)
	if err != nil {
		return 0, err
	}
	for _, name := range files {
		st, err := os.Stat(name)
		if err != nil {
			return 0, fmt.Errorf("size of slide: %w", err)
		}
		n += st.Size()
	}
	return n, nil
}

// companions are the files beside a slide that hold its pixels: a MIRAX slide's data lie in a folder of
// its name.
func companions(path string) []string {
	if filepath.Ext(path) != ".mrxs" {
		return nil
	}
	entries, err := os.ReadDir(path[:len(path)-len(".mrxs")])
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.Type().IsRegular() && len(out) < maxInstances {
			out = append(out, filepath.Join(path[:len(path)-len(".mrxs")], e.Name()))
		}
	}
	slices.Sort(out)
	return out
}
