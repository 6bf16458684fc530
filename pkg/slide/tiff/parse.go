package tiff

import (
	"fmt"
	"io"

	"github.com/google/tiff"
	"github.com/google/tiff/bigtiff"

	"github.com/slidemill/slidemill/pkg/slide/codec"
)

// File is the directories of an open TIFF. It is read-only and safe for concurrent use as far as its
// io.ReaderAt is; os.File and bytes.Reader are.
type File struct {
	// Directories are the main chain's, in file order. There is at least one.
	Directories []*Directory
	// Big says that the file is a BigTIFF.
	Big bool
	// JPEG decodes tiles; Parse sets codec.DecodeJPEG. Set another before the first tile is read.
	JPEG codec.JPEGDecoder
	// J2K decodes JPEG 2000 tiles; Parse sets codec.DecodeJ2K.
	J2K codec.J2KDecoder

	r    io.ReaderAt
	size int64
	walk *walker
}

// Parse reads the directories of a TIFF of the given size. A file that does not begin like one gives
// ErrNotTIFF.
//
// # Memory
//
// What the directories hold, which the walk limits to maxValueBytes; while it is read twice that,
// because google/tiff reads through a second buffer. No pixel data is touched.
func Parse(r io.ReaderAt, size int64) (*File, error) {
	w, first, err := newWalker(r, size)
	if err != nil {
		return nil, err
	}
	if at, ok := w.ndpiFirst(); ok {
		f := &File{JPEG: codec.DecodeJPEG, J2K: codec.DecodeJ2K, r: r, size: size, walk: w}
		f.Directories, err = f.ndpiChain(at)
		return f, err
	}
	if first == 0 {
		return nil, damaged("the file has no directory: its writer did not finish")
	}
	f := &File{Big: w.big, JPEG: codec.DecodeJPEG, J2K: codec.DecodeJ2K, r: r, size: size, walk: w}
	f.Directories, err = f.follow(first)
	return f, err
}

// SubDirectories reads the directories that tag 330 of d points to, each with its chain: OME-TIFF
// keeps the reduced levels there. tifffile chains them and lists each one as well; each comes once. Not safe
// for concurrent use.
func (f *File) SubDirectories(d *Directory) (subs []*Directory, err error) {
	read := make(map[int64]bool)
	for i := range d.Len(tagSubIFDs) {
		at := int64(d.at(tagSubIFDs, i))
		if read[at] {
			continue
		}
		offsets, err := f.walk.chain(at)
		if err != nil {
			return nil, fmt.Errorf("sub-directory %d: %w", i, err)
		}
		for _, o := range offsets {
			read[o] = true
		}
		chain, err := f.load(offsets)
		if err != nil {
			return nil, fmt.Errorf("sub-directory %d: %w", i, err)
		}
		subs = append(subs, chain...)
	}
	return subs, nil
}

// follow walks a chain of directories and then reads it.
func (f *File) follow(first int64) ([]*Directory, error) {
	offsets, err := f.walk.chain(first)
	if err != nil {
		return nil, err
	}
	return f.load(offsets)
}

// load has google/tiff read directories that the walk has checked. That parser panics on some
// inputs; none is known that passes the walk, but a panic here would kill a whole night's batch.
func (f *File) load(offsets []int64) (dirs []*Directory, err error) {
	defer func() {
		if p := recover(); p != nil {
			dirs, err = nil, damaged("directory: %v", p)
		}
	}()
	parse := tiff.ParseIFD
	if f.Big {
		parse = bigtiff.ParseIFD
	}
	br := tiff.NewBReader(io.NewSectionReader(f.r, 0, f.size), f.walk.order)
	for i, at := range offsets {
		ifd, err := parse(br, uint64(at), numberedTags{}, tiff.DefaultFieldTypeSpace)
		if err != nil {
			return nil, damaged("directory %d: %v", i, err)
		}
		dirs = append(dirs, newDirectory(ifd))
	}
	return dirs, nil
}

// numberedTags is a tag space without names. google/tiff's own ones write to a cache under a read lock,
// which is a data race as soon as two slides are opened at once, and take half a megabyte each.
type numberedTags struct{}

var _ tiff.TagSpace = numberedTags{}

func (numberedTags) Name() string                         { return "numbered" }
func (numberedTags) GetTag(id uint16) tiff.Tag            { return tiff.NewTag(id, "", nil) }
func (numberedTags) GetTagSet(string) (tiff.TagSet, bool) { return nil, false }
func (numberedTags) GetTagSetNameFromTag(uint16) string   { return "" }
func (numberedTags) ListTagSets() []string                { return nil }
func (numberedTags) RegisterTagSet(tiff.TagSet)           {}
