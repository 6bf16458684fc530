package watch

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// orderIndex finds the orders of files, most of them without reading: by name, size and time. `run` and `submit` know a
// file's name only, without its folder, and other folders have files of the same names. So where size or time are not
// those of the order, or those of two files are, the content decides: no slide may hide behind the order of another. It
// decides of files of other names, too, where their size is that of an order: they may hold the same slide. A file that
// was ordered from an address in S3 is known by its name only, as nobody wrote its size down.
//
// # Memory
//
// A pointer for each name of an order and three small entries for each order, beside both.
type orderIndex struct {
	named  map[string][]*intake.Line // by the last part of a name
	files  map[*intake.Line]int      // how many files have name, size and time of the order
	held   map[pyramid.SlideID]*intake.Line
	sizes  map[int64]bool
	series bool // some order may be of a series of DICOM files, whose size is written down in several ways
}

func newOrderIndex(found []candidate, orders []intake.Line) *orderIndex {
	x := &orderIndex{
		named: map[string][]*intake.Line{}, files: map[*intake.Line]int{},
		held: map[pyramid.SlideID]*intake.Line{}, sizes: map[int64]bool{},
	}
	for i := range orders {
		if l := &orders[i]; endState(l) != intake.Replaced { // another file has its name, and an order of its own
			x.add(l)
		}
	}
	for _, f := range found {
		for _, l := range x.possible(f) {
			if f.unchangedSince(l) {
				x.files[l]++
			}
		}
	}
	return x
}

func (x *orderIndex) add(l *intake.Line) {
	x.held[l.Slide], x.sizes[l.Bytes] = l, true
	l.Called(func(name string) bool {
		if last := path.Base(name); !slices.Contains(x.named[last], l) {
			x.named[last] = append(x.named[last], l)
		}
		ext := strings.ToLower(path.Ext(name))
		x.series = x.series || ext == dicom || !slices.Contains(extensions, ext)
		return false
	})
}

// possible are the orders that may be of the file by its name and size.
func (x *orderIndex) possible(f candidate) (list []*intake.Line) {
	for _, name := range f.names() {
		for _, l := range x.named[path.Base(name)] {
			if f.mayBe(l) && l.Called(func(called string) bool { return intake.SamePath(called, name) }) {
				list = append(list, l)
			}
		}
	}
	return list
}

// certain is the order of a file that name, size and time leave in no doubt, or nil.
func (x *orderIndex) certain(f candidate) (one *intake.Line) {
	for _, l := range x.possible(f) {
		switch {
		case x.files[l] != 1 || !f.unchangedSince(l):
		case one != nil:
			return nil
		default:
			one = l
		}
	}
	return one
}

// doubtful reports whether a file may be an order's, and only its content can tell.
func (x *orderIndex) doubtful(f candidate) bool {
	return x.sizes[f.size] || f.dicom() && x.series || len(x.possible(f)) > 0
}

// find finds the order of each file, nil where there is none. It reads a file only where name, size and time leave that in
// doubt: a folder may hold terabytes.
func (x *orderIndex) find(ctx context.Context, files []candidate) ([]*intake.Line, error) {
	list := make([]*intake.Line, len(files))
	for i, f := range files {
		if list[i] = x.certain(f); list[i] != nil || !x.doubtful(f) {
			continue
		}
		id, err := f.identity(ctx)
		if err != nil {
			return nil, err
		}
		list[i] = x.held[id]
	}
	return list, nil
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
func (f candidate) mayBe(l *intake.Line) bool {
	return l.Bytes == 0 || l.Bytes == f.size || f.dicom()
}

// unchangedSince reports whether size and time are those that the order was made with. Of DICOM files that says nothing:
// whoever orders their folder writes down the size and time of that.
func (f candidate) unchangedSince(l *intake.Line) bool {
	return l.Bytes != 0 && l.Bytes == f.size && l.Changed.Equal(f.changed) && !f.dicom()
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
