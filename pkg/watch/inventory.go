package watch

import (
	"context"
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
	w.lists, w.entries = s.lists, map[string]intake.Line{}
	for _, e := range orders {
		w.entries[e.File] = intake.Line{Entry: e}
		for _, name := range append([]string{e.File}, e.Names...) {
			w.lists.saw(name)
		}
	}
	found := &Inventory{Missing: w.lists.missing(files), Problems: w.lists.problems()}
	found.NotOrdered, err = w.notOrdered(ctx, w.withoutMasks(s.found), orders)
	return found, err
}

// notOrdered lists the slides that no order means.
func (w *Watcher) notOrdered(ctx context.Context, found []candidate, orders []intake.Entry) (list []Slide, err error) {
	book := newBook(found, orders)
	for _, f := range found {
		ordered, err := book.has(ctx, f)
		if err != nil {
			return nil, err
		}
		if ordered {
			continue
		}
		s := Slide{File: f.file, Priority: jobs.Routine, State: intake.NotOrdered, Reason: book.why(f)}
		if row, listed := w.lists.find(f.file); listed {
			s.Accession, s.Priority = row.Accession, row.Priority.Known()
		}
		list = append(list, s)
	}
	sortSlides(list)
	return list, nil
}

// book finds the orders of files without reading them: by their names and sizes. `run` and `submit` know a file's name
// only, without its folder. So one order may seem to be of several files, and then their content decides: of two slides
// that are called alike one must not hide the other.
//
// # Memory
//
// A pointer for each name of an order and each file of the folder, beside both.
type book struct {
	named   map[string][]*intake.Entry // by the last part of a name
	meaning map[*intake.Entry]int      // how many files the order may be of
	more    []*intake.Entry            // whose record did not keep all names
}

func newBook(found []candidate, orders []intake.Entry) *book {
	b := &book{named: map[string][]*intake.Entry{}, meaning: map[*intake.Entry]int{}}
	for i := range orders {
		e := &orders[i]
		if e.MoreNames {
			b.more = append(b.more, e)
		}
		e.Called(func(name string) bool {
			if last := path.Base(name); !slices.Contains(b.named[last], e) {
				b.named[last] = append(b.named[last], e)
			}
			return false
		})
	}
	for _, f := range found {
		for _, e := range b.candidates(f) {
			b.meaning[e]++
		}
	}
	return b
}

// candidates are the orders that may be of the file.
func (b *book) candidates(f candidate) (list []*intake.Entry) {
	for _, name := range f.names() {
		for _, e := range b.named[path.Base(name)] {
			if f.mayBe(e) && e.Called(func(called string) bool { return intake.SamePath(called, name) }) {
				list = append(list, e)
			}
		}
	}
	return list
}

// has reports whether the file was ordered.
func (b *book) has(ctx context.Context, f candidate) (bool, error) {
	list := b.candidates(f)
	sure := slices.ContainsFunc(list, func(e *intake.Entry) bool {
		return b.meaning[e] == 1 || e.Called(func(called string) bool { return called == f.file && strings.Contains(called, "/") })
	})
	for _, e := range b.more {
		if e.Bytes == f.size && !sure {
			list = append(list, e)
		}
	}
	if sure || len(list) == 0 {
		return sure, nil
	}
	id, err := f.identity(ctx)
	return slices.ContainsFunc(list, func(e *intake.Entry) bool { return e.Slide == id }), err
}

// why says what to do about a file that was not ordered.
func (b *book) why(f candidate) string {
	const order = "Order it with `slidemill submit` or `slidemill run`, or let `slidemill watch` take what lies in the folder."
	if len(b.named[path.Base(f.file)]) > 0 {
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

// mayBe reports whether the file has the size of what was ordered. A series of files has one for each way to count them.
func (f candidate) mayBe(e *intake.Entry) bool {
	return e.Bytes == 0 || e.Bytes == f.size || f.dicom()
}

// identity reads the file. One that cannot be read is no slide that was ordered.
func (f candidate) identity(ctx context.Context) (pyramid.SlideID, error) {
	type answer struct {
		id  pyramid.SlideID
		err error
	}
	a, err := begin(func(alive func()) (a answer) {
		a.id, a.err = intake.Identify(ctx, f.path, func(int64) { alive() })
		return a
	}).wait(ctx, folderSilence)
	if a.err != nil {
		return pyramid.SlideID{}, ctx.Err()
	}
	return a.id, err
}
