package slide

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		out = append(out, f.path)
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
// its name, a VMS or VMU file names its pictures.
func companions(path string) (out []string) {
	switch ext := filepath.Ext(path); strings.ToLower(ext) {
	case ".mrxs":
		folder := strings.TrimSuffix(path, ext)
		entries, _ := os.ReadDir(folder) // without it the slide does not open
		for _, e := range entries {
			if e.Type().IsRegular() && len(out) < maxInstances {
				out = append(out, filepath.Join(folder, e.Name()))
			}
		}
	case ".vms", ".vmu":
		out = vmsParts(path)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// maxVMS bounds a VMS or VMU file: a list of some dozen names.
const maxVMS = 1 << 20

// vmsParts are the files in the folder of a VMS or VMU file that one of its lines NAME=FILE names.
func vmsParts(path string) (out []string) {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxVMS))
	for lines.Scan() && len(out) < maxInstances {
		_, name, ok := strings.Cut(lines.Text(), "=")
		name = filepath.Join(filepath.Dir(path), filepath.Base(strings.TrimSpace(name)))
		if st, err := os.Stat(name); ok && err == nil && st.Mode().IsRegular() && name != filepath.Clean(path) {
			out = append(out, name)
		}
	}
	return out
}
