package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// candidate is a file that looks like a slide, or the first of the DICOM files that are one.
type candidate struct {
	path, file string
	size       int64
	changed    time.Time
}

// seen is what the watcher remembers of a file.
type seen struct {
	size    int64
	changed time.Time
	since   time.Time // since when it has been like this
	doubted bool      // it could not be read once
	taken   bool
	anew    bool      // it is taken once more, as the slide that it was
	overdue int       // how often it was not read in its time
	again   time.Time // when it is tried again after that; zero if it is not
	look    int       // the last one that found it
}

// settled reports whether the file has been the same for long enough.
func (s *seen) settled(f candidate, now time.Time, settle time.Duration) bool {
	if s.since.IsZero() || s.size != f.size || !s.changed.Equal(f.changed) {
		s.size, s.changed, s.since, s.doubted = f.size, f.changed, now, false
		s.overdue, s.again, s.anew = 0, time.Time{}, false
		return false
	}
	return now.Sub(s.since) >= settle
}

// extensions are those of whole-slide images, readable here or not: what cannot be read is to be named
// with its reason, not passed over.
var extensions = []string{
	".svs", ".svslide", ".tif", ".tiff", ".btf", ".ndpi", ".ndpis", ".scn", ".bif", ".mrxs", ".vms", ".vmu",
	".isyntax", ".czi", ".zvi", ".qptiff", ".afi", ".dcm",
}

// scan lists the folder's candidates, by name. What cannot be read is an error, and the rest is listed.
func (w *Watcher) scan(ctx context.Context) (found []candidate, err error) {
	var errs []error
	dicoms := instances{}
	other, files := 0, 0
	walk := w.walk
	if walk == nil {
		walk = filepath.WalkDir
	}
	err = walk(w.Dir, func(path string, d fs.DirEntry, err error) error {
		if w.alive != nil {
			w.alive()
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			errs = append(errs, err)
			return nil
		case d.IsDir():
			return w.enter(path)
		case strings.HasPrefix(d.Name(), "."), !d.Type().IsRegular():
			return nil
		case files >= cmp.Or(w.most, maxFiles):
			return fmt.Errorf("%s holds more than %d slide files: watch its folders one by one", w.Dir, files)
		}
		f, ok, err := w.candidate(path, d)
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone since it was listed
		case err != nil:
			errs = append(errs, err)
		case !ok:
			other++
		case isDICOM(path):
			files++
			dicoms.add(f)
		default:
			files++
			found = append(found, f)
		}
		return nil
	})
	w.other = other
	if more := dicoms.slides(w.series, w.alive); len(more) > 0 {
		found = append(found, more...)
		slices.SortFunc(found, func(a, b candidate) int { return strings.Compare(a.file, b.file) })
	}
	return found, errors.Join(append(errs, err)...)
}

// enter leaves out folders that hold no slides of the scanner's.
func (w *Watcher) enter(path string) error {
	hidden := path != w.Dir && strings.HasPrefix(filepath.Base(path), ".")
	if hidden || w.Quarantine != "" && same(path, w.Quarantine) || slices.ContainsFunc(w.Skip, func(s string) bool { return same(path, s) }) {
		return filepath.SkipDir
	}
	return nil
}

func same(a, b string) bool {
	x, errA := filepath.Abs(a)
	y, errB := filepath.Abs(b)
	return errA == nil && errB == nil && x == y
}

func (w *Watcher) candidate(path string, d fs.DirEntry) (f candidate, ok bool, err error) {
	rel, err := filepath.Rel(w.Dir, path)
	if err != nil {
		return f, false, err
	}
	f = candidate{path: path, file: filepath.ToSlash(rel)}
	if !w.lists.saw(f.file) && !slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
		return f, false, nil
	}
	st, err := d.Info()
	if err != nil {
		return f, false, err
	}
	f.size, f.changed = st.Size(), st.ModTime()
	return f, true, nil
}

func sortSlides(list []Slide) {
	slices.SortFunc(list, func(a, b Slide) int { return strings.Compare(a.File, b.File) })
}
