package slide

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/slide/dicom"
)

// maxInstances bounds how many files of a folder are looked at.
const maxInstances = 4096

// dicomFile is an instance whose header was read.
type dicomFile struct {
	*handle
	in    *dicom.Instance
	bytes *witness
}

// dicomFiles are the files of a slide, of which maxHandles are open.
type dicomFiles []dicomFile

// Close closes the files of a slide; nothing can be read afterwards.
func (f dicomFiles) Close() (err error) {
	for i, file := range f {
		if i == 0 {
			file.set.finish()
		}
		err = errors.Join(err, file.drop())
	}
	return err
}

// openInstances opens the whole-slide instances in a folder, of one series: that of the named file or,
// where none is named, the only one.
func openInstances(ctx context.Context, folder, named string) (files dicomFiles, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	if len(entries) > maxInstances {
		return nil, &UnsupportedError{Format: "dicom", Feature: fmt.Sprintf("a folder of %d files", len(entries))}
	}
	s := &seriesOpener{set: newHandles(maxHandles), bytes: newWitness(nil, 0)}
	defer func() {
		if err != nil {
			s.files.Close()
		}
	}()
	if named != "" {
		if err := s.add(named); err != nil {
			return nil, err
		}
		if len(s.files) == 0 {
			return nil, ErrDirectory
		}
	}
	for i, entry := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path := filepath.Join(folder, entry.Name())
		if path == named {
			continue
		}
		if err := s.add(path); err != nil {
			// by number: its name may hold a patient's, and the reason goes into logs
			return nil, fmt.Errorf("file %d of %d in the folder, by name: %w", i+1, len(entries), err)
		}
		if s.second && named == "" {
			return nil, &UnsupportedError{Format: "dicom", Feature: "a folder with several series; name one file of the series that is meant"}
		}
	}
	if len(s.files) == 0 {
		return nil, ErrDirectory
	}
	slices.SortFunc(s.files, func(a, b dicomFile) int { return strings.Compare(a.path, b.path) }) // whichever was named
	return s.files, nil
}

// seriesOpener keeps the files of the series whose file it sees first.
type seriesOpener struct {
	set    *handles
	bytes  *witness // of all files
	files  dicomFiles
	second bool // another series was seen
}

// add opens a file and keeps it if it is a whole-slide instance of the series. What is not kept is closed and
// forgotten at once, its tables with it.
func (s *seriesOpener) add(path string) error {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
		return err
	}
	f := dicomFile{handle: s.set.file(path, st)}
	f.bytes = s.bytes.beside(f.handle, st.Size())
	if _, err := f.take(); err != nil { // else a file that nobody may read would pass for no instance
		return err
	}
	f.leave()
	f.in, err = dicom.Read(f.bytes, st.Size())
	if failure := s.bytes.failure(); failure != nil {
		err = failure
	}
	switch {
	case errors.Is(err, dicom.ErrNotDICOM):
		return f.drop()
	case err != nil && s.foreign(f, st.Size()):
		return f.drop()
	case err != nil:
		return errors.Join(err, f.drop())
	case f.in.SOPClass != dicom.WholeSlide:
		return f.drop()
	case len(s.files) > 0 && s.files[0].in.Series != f.in.Series:
		s.second = true
		return f.drop()
	}
	s.files = append(s.files, f)
	return nil
}

// foreign reports whether a file that cannot be read is certainly of another series, or of none: then it is no harm to this one.
func (s *seriesOpener) foreign(f dicomFile, size int64) bool {
	if len(s.files) == 0 {
		return false
	}
	series, err := dicom.Series(f.bytes, size)
	if err != nil || s.bytes.failure() != nil || series == s.files[0].in.Series {
		return false
	}
	s.second = s.second || series != "" // else it is no whole-slide instance
	return true
}

// Series is the DICOM series of a file, which may be cut short; empty for what is no whole-slide instance. It reads the
// file's first kilobytes.
func Series(path string) (string, error) {
	f, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer f.Close() // read only: nothing is lost
	st, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("series of %s: %w", path, err)
	}
	series, err := dicom.Series(f, st.Size())
	if errors.Is(err, dicom.ErrNotDICOM) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("series of %s: %w", path, err)
	}
	return series, nil
}

// concatenations groups the parts of levels that are split over files, in the order of their frames.
func (f dicomFiles) concatenations() (out [][]*dicom.Instance) {
	seen := make(map[string]int)
	for _, file := range f {
		if at, ok := seen[file.in.Concatenation]; ok && file.in.Concatenation != "" {
			out[at] = append(out[at], file.in)
			continue
		}
		seen[file.in.Concatenation] = len(out)
		out = append(out, []*dicom.Instance{file.in})
	}
	for _, parts := range out {
		slices.SortStableFunc(parts, func(a, b *dicom.Instance) int { return a.FrameOffset - b.FrameOffset })
	}
	return out
}
