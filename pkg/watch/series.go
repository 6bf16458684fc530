package watch

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/slide"
)

// dicom is the ending of DICOM files.
const dicom = ".dcm"

func isDICOM(path string) bool { return strings.EqualFold(filepath.Ext(path), dicom) }

// seriesFolder is the folder below the watched one by which a DICOM file's slide may be called, or empty.
func seriesFolder(file string) string {
	if folder := path.Dir(file); folder != "." && isDICOM(file) {
		return folder
	}
	return ""
}

// seriesBook remembers of which series the DICOM files are that lie beside others. One that is nil reads them each time.
//
// # Memory
//
// Some hundred bytes per file that the last scan found.
type seriesBook struct {
	mu   sync.Mutex
	read map[string]membership // by path
}

// membership is the series of a file as it was; empty for what is no part of a slide, or cannot be read yet.
type membership struct {
	size    int64
	changed time.Time
	series  string
}

// of is the file's series, empty where its content does not tell: whoever opens the slide says why. The file is read if it is
// not as it was. That its folder does not give it is an error and no word on the file, which would be of no series for as
// long as it stays the same.
func (b *seriesBook) of(path string, size int64, changed time.Time) (string, error) {
	if m := b.page(path); m.size == size && m.changed.Equal(changed) {
		return m.series, nil
	}
	series, err := slide.Series(path)
	switch {
	case errors.Is(err, fs.ErrPermission): // the slide fails for it, until somebody may read it
		return "", nil
	case err == nil, errors.As(err, new(*slide.FormatError)), errors.As(err, new(*slide.UnsupportedError)), errors.Is(err, slide.ErrEmpty):
		b.write(path, membership{size, changed, series})
		return series, nil
	}
	return "", err
}

func (b *seriesBook) page(path string) membership {
	if b == nil {
		return membership{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read[path]
}

func (b *seriesBook) write(path string, m membership) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read == nil {
		b.read = map[string]membership{}
	}
	b.read[path] = m
}

// forget leaves out the files that are not among these.
func (b *seriesBook) forget(but map[string]bool) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for path := range b.read {
		if !but[path] {
			delete(b.read, path)
		}
	}
}

// instances are the DICOM files that a scan finds, by folder.
type instances map[string][]candidate

func (in instances) add(f candidate) {
	folder := filepath.Dir(f.path)
	in[folder] = append(in[folder], f)
}

// slides makes the files of each series in a folder one candidate, under the name of the first: together they are one
// slide, and whole only when the last of them is. A file of which nobody can say what it belongs to, perhaps as it is
// still being written, counts for all series of its folder; where there is none, such files are one candidate, which is
// told why it cannot be read.
func (in instances) slides(book *seriesBook, alive func()) (found []candidate) {
	all := map[string]bool{}
	for _, files := range in {
		if len(files) == 1 {
			found = append(found, files[0])
			continue
		}
		bySeries := map[string][]candidate{}
		for _, f := range files {
			all[f.path] = true
			series, _ := book.of(f.path, f.size, f.changed) // it may be of any, and is asked again at the next look
			bySeries[series] = append(bySeries[series], f)
			if alive != nil {
				alive()
			}
		}
		strays := bySeries[""]
		delete(bySeries, "")
		for _, own := range bySeries {
			found = append(found, oneOf(own, strays))
		}
		if len(bySeries) == 0 {
			found = append(found, oneOf(strays, nil))
		}
	}
	book.forget(all)
	return found
}

// oneOf is the first of some files, with the size of all and the time of the latest.
func oneOf(own, strays []candidate) candidate {
	whole := own[0]
	for _, f := range slices.Concat(own[1:], strays) {
		whole.size += f.size
		if f.changed.After(whole.changed) {
			whole.changed = f.changed
		}
	}
	return whole
}

// beside are the other DICOM files in a file's folder that make a slide with it, or may: those that do not say of which
// they are.
func (b *seriesBook) beside(path string) (others []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	own, err := b.now(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		other := filepath.Join(filepath.Dir(path), e.Name())
		if other == path || !e.Type().IsRegular() || !isDICOM(other) {
			continue
		}
		series, err := b.now(other)
		if err != nil {
			return nil, err
		}
		if series == own || series == "" {
			others = append(others, other)
		}
	}
	return others, nil
}

// now is the series of a file as it is.
func (b *seriesBook) now(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return b.of(path, st.Size(), st.ModTime())
}
