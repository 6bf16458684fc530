package watch

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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

// whole are the files but for what a scanner may still be writing. What was ordered as it is is whole.
func (x *orderIndex) whole(files []candidate, settle time.Duration) (list []candidate) {
	now := time.Now()
	for _, f := range files {
		if x.certain(f) != nil || !f.beingWritten(now, settle) {
			list = append(list, f)
		}
	}
	return list
}

// doubtful reports whether a file may be an order's, and only its content can tell.
func (x *orderIndex) doubtful(f candidate) bool {
	return x.sizes[f.size] || isDICOM(f.file) && x.series || len(x.possible(f)) > 0
}

// readAtOnce is how many files are read at a time: the time goes to waiting for a network drive as much as to hashing, and
// more of them would only be in each other's way.
const readAtOnce = 4

// find finds the order of each file, nil where there is none. It reads a file only where name, size and time leave that in
// doubt: a folder may hold terabytes. told, if not nil, hears how many bytes of these are read, one call at a time.
//
// # Memory
//
// readAtOnce files are read at once, each through a buffer of slide.Hash. As many reads may hang in a folder that does not
// answer, which ends the search.
func (x *orderIndex) find(ctx context.Context, files []candidate, told func(done, total int64)) ([]*intake.Line, error) {
	list := make([]*intake.Line, len(files))
	var doubtful []int
	p := progress{told: told}
	defer p.end()
	for i, f := range files {
		if list[i] = x.certain(f); list[i] == nil && x.doubtful(f) {
			doubtful, p.total = append(doubtful, i), p.total+f.size
		}
	}
	p.add(0)
	return list, someAtOnce(ctx, doubtful, func(ctx context.Context, i int) error {
		id, err := files[i].identity(ctx, p.of(files[i].size))
		list[i] = x.held[id]
		return err
	})
}

// someAtOnce does something of each, readAtOnce at a time, until one fails.
func someAtOnce(ctx context.Context, of []int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for _, i := range of {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// progress adds up how far several files are read. It is safe for concurrent use.
type progress struct {
	mu          sync.Mutex
	done, total int64
	told        func(done, total int64)
}

func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.told != nil && p.total > 0 {
		p.told(p.done, p.total)
	}
}

// of hears how many bytes of one file have been read. A series of files may hold more or fewer than were counted.
func (p *progress) of(size int64) func(read int64) {
	var before int64
	return func(read int64) {
		read = min(read, size)
		p.add(read - before)
		before = read
	}
}

// end tells no more: a read that hangs outlives whoever wanted to hear of it.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = nil
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
	if folder := seriesFolder(f.file); folder != "" {
		return []string{f.file, folder}
	}
	return []string{f.file}
}

// mayBe reports whether the file can be what was ordered, by its size: another size is other content. Of an order without
// one nobody knows, as of a file that was empty then or lay elsewhere; a series of files has one for each way to count them.
func (f candidate) mayBe(l *intake.Line) bool {
	return l.Bytes == 0 || l.Bytes == f.size || isDICOM(f.file)
}

// unchangedSince reports whether size and time are those that the order was made with. Of DICOM files that says nothing:
// whoever orders their folder writes down the size and time of that.
func (f candidate) unchangedSince(l *intake.Line) bool {
	return l.Bytes != 0 && l.Bytes == f.size && l.Changed.Equal(f.changed) && !isDICOM(f.file)
}

// beingWritten reports whether a file changed so lately that a watch would not take it yet. A clock that is wrong by more
// than that hides nothing.
func (f candidate) beingWritten(now time.Time, settle time.Duration) bool {
	return now.Sub(f.changed).Abs() < settle
}

// identity reads the file, and tells how many of its bytes it has. One that cannot be read is no slide that was ordered.
func (f candidate) identity(ctx context.Context, told func(read int64)) (pyramid.SlideID, error) {
	type answer struct {
		id  pyramid.SlideID
		err error
	}
	a, err := begin(func(alive func()) (a answer) {
		a.id, a.err = identify(ctx, f.path, func(read int64) { alive(); told(read) })
		return a
	}).wait(ctx, folderSilence)
	if err != nil {
		return pyramid.SlideID{}, err
	}
	told(f.size) // of what could not be read, too: it is done with
	if a.err != nil {
		return pyramid.SlideID{}, ctx.Err()
	}
	return a.id, nil
}

// identify names a slide as the reception does, a DICOM file by all its series. An empty file has no slide's name, and is
// refused under that of nothing.
func identify(ctx context.Context, file string, told func(read int64)) (pyramid.SlideID, error) {
	if st, err := os.Stat(file); err == nil && st.Size() == 0 {
		return intake.EmptySlide(), ctx.Err()
	}
	return intake.Identify(ctx, file, told)
}
