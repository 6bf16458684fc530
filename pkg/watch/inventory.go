package watch

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Inventory is where a folder and the orders do not agree.
type Inventory struct {
	Missing    []Slide  // the worklists name them, and they are neither in the folder nor were ordered from it before
	NotOrdered []Slide  // they lie in the folder, and nobody ordered them
	Problems   []string // lines of the worklists that make no sense
}

// TakeInventory compares the folder c.Dir, without c.Skip, with all orders. It takes nothing in. A folder that does not
// answer is an error.
func TakeInventory(ctx context.Context, c Config, orders []intake.Entry) (*Inventory, error) {
	return (&Watcher{Config: c}).inventory(ctx, orders)
}

func (w *Watcher) inventory(ctx context.Context, orders []intake.Entry) (*Inventory, error) {
	s, err := begin(w.look(ctx)).wait(ctx, folderSilence)
	if err == nil {
		err = s.err
	}
	if err != nil {
		return nil, err
	}
	files := make([]string, len(s.found))
	for i, f := range s.found {
		files[i] = f.file
	}
	w.lists, w.slides = s.lists, map[string]*Slide{}
	for _, e := range orders {
		for _, name := range append([]string{e.File}, e.Names...) {
			w.lists.saw(name)
			w.slides[name] = &Slide{File: name} // a mask is known by the slide beside it, which may be put away by now
		}
	}
	found := &Inventory{Missing: w.lists.missing(files), Problems: w.lists.problems()}
	found.NotOrdered, err = w.notOrdered(ctx, w.withoutMasks(s.found), orders)
	return found, err
}

// notOrdered lists the slides that no order means.
func (w *Watcher) notOrdered(ctx context.Context, found []candidate, orders []intake.Entry) (list []Slide, err error) {
	index := newOrderIndex(found, orders)
	for _, f := range found {
		ordered, err := index.ordered(ctx, f)
		if err != nil {
			return nil, err
		}
		if ordered {
			continue
		}
		s := Slide{File: f.file, Priority: jobs.Routine, State: intake.NotOrdered, Reason: index.why(f)}
		if row, listed := w.lists.find(f.file); listed {
			s.Accession, s.Priority = row.Accession, row.Priority.Known()
		}
		list = append(list, s)
	}
	sortSlides(list)
	return list, nil
}

// orderIndex finds the orders of files, most of them without reading: by name, size and time. `run` and `submit` know a
// file's name only, without its folder, and other folders have files of the same names. So where size or time are not
// those of the order, or those of two files are, the content decides: no slide may hide behind the order of another.
//
// # Memory
//
// A pointer for each name of an order and a count for each order, beside both.
type orderIndex struct {
	named       map[string][]*intake.Entry // by the last part of a name
	files       map[*intake.Entry]int      // how many files have name, size and time of the order
	unkeptNames []*intake.Entry            // whose record did not keep all names
}

func newOrderIndex(found []candidate, orders []intake.Entry) *orderIndex {
	x := &orderIndex{named: map[string][]*intake.Entry{}, files: map[*intake.Entry]int{}}
	for i := range orders {
		e := &orders[i]
		if e.MoreNames {
			x.unkeptNames = append(x.unkeptNames, e)
		}
		e.Called(func(name string) bool {
			if last := path.Base(name); !slices.Contains(x.named[last], e) {
				x.named[last] = append(x.named[last], e)
			}
			return false
		})
	}
	for _, f := range found {
		for _, e := range x.possible(f) {
			if f.unchangedSince(e) {
				x.files[e]++
			}
		}
	}
	return x
}

// possible are the orders that may be of the file by its name and size.
func (x *orderIndex) possible(f candidate) (list []*intake.Entry) {
	for _, name := range f.names() {
		for _, e := range x.named[path.Base(name)] {
			if f.mayBe(e) && e.Called(func(called string) bool { return intake.SamePath(called, name) }) {
				list = append(list, e)
			}
		}
	}
	return list
}

// ordered reports whether the file was ordered. It reads it only where name, size and time leave that in doubt: a folder
// may hold terabytes.
func (x *orderIndex) ordered(ctx context.Context, f candidate) (bool, error) {
	doubtful := x.possible(f)
	if slices.ContainsFunc(doubtful, func(e *intake.Entry) bool { return x.files[e] == 1 && f.unchangedSince(e) }) {
		return true, nil
	}
	for _, e := range x.unkeptNames {
		if e.Bytes == f.size {
			doubtful = append(doubtful, e)
		}
	}
	if len(doubtful) == 0 {
		return false, nil
	}
	id, err := f.identity(ctx)
	return slices.ContainsFunc(doubtful, func(e *intake.Entry) bool { return e.Slide == id }), err
}

// why says what to do about a file that was not ordered.
func (x *orderIndex) why(f candidate) string {
	const order = "Order it with `slidemill submit` or `slidemill run`, or let `slidemill watch` take what lies in the folder."
	if len(x.named[path.Base(f.file)]) > 0 {
		return "It lies in the folder, and what was ordered by this name is another slide. " + order
	}
	return "It lies in the folder, and nobody ordered it. " + order
}

// names are those by which a file may have been ordered: DICOM instances also by the folder that they make a slide of.
func (f candidate) names() []string {
	if folder := path.Dir(f.file); folder != "." && f.dicom() {
		return []string{f.file, folder}
	}
	return []string{f.file}
}

func (f candidate) dicom() bool { return strings.EqualFold(path.Ext(f.file), dicom) }

// mayBe reports whether the file can be what was ordered, by its size: another size is other content. Of an order without
// one nobody knows, as of a file that was empty then or lay elsewhere; a series of files has one for each way to count them.
func (f candidate) mayBe(e *intake.Entry) bool {
	return e.Bytes == 0 || e.Bytes == f.size || f.dicom()
}

// unchangedSince reports whether size and time are those that the order was made with. Of DICOM files that says nothing:
// whoever orders their folder writes down the size and time of that.
func (f candidate) unchangedSince(e *intake.Entry) bool {
	return e.Bytes != 0 && e.Bytes == f.size && e.Changed.Equal(f.changed) && !f.dicom()
}

// identity reads the file. One that cannot be read is no slide that was ordered.
func (f candidate) identity(ctx context.Context) (pyramid.SlideID, error) {
	type answer struct {
		id  pyramid.SlideID
		err error
	}
	a, err := begin(func(alive func()) (a answer) {
		a.id, a.err = identify(ctx, f.path, alive)
		return a
	}).wait(ctx, folderSilence)
	if a.err != nil {
		return pyramid.SlideID{}, ctx.Err()
	}
	return a.id, err
}

// identify names a slide as the reception does, a DICOM file by all its series. An empty file has no slide's name, and is
// refused under that of nothing.
func identify(ctx context.Context, file string, alive func()) (pyramid.SlideID, error) {
	if st, err := os.Stat(file); err == nil && st.Size() == 0 {
		return intake.EmptySlide(), ctx.Err()
	}
	return intake.Identify(ctx, file, func(int64) { alive() })
}
