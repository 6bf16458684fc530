package slide

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// Options are what the operator knows about a slide.
type Options struct {
	// MPP is the scale in microns per pixel. It overrides the file's; zero leaves it to the file.
	MPP float64
	// PureJPEG leaves libjpeg-turbo alone where it is installed, where pixels are the same either way, and
	// OpenJPEG, where they agree within 2 of 255.
	PureJPEG bool
}

// jpegDecoder is the fastest decoder at hand.
func (o Options) jpegDecoder() codec.JPEGDecoder {
	if !o.PureJPEG {
		if turbo, err := codec.FindTurbo(); err == nil {
			return turbo.Decode
		}
	}
	return codec.DecodeJPEG
}

// j2kDecoder is the best JPEG 2000 decoder at hand.
func (o Options) j2kDecoder() codec.J2KDecoder {
	if o.PureJPEG {
		return codec.DecodeJ2K
	}
	decode, _ := codec.FindJ2K()
	return decode
}

// Open opens a slide. The format is found by content, never by name. A file that is damaged gives a
// *FormatError, one that this program cannot read an *UnsupportedError, and what is no slide at all
// one of the errors in errors.go; each says what to do next.
//
// A slide without a scale opens, so that it can be inspected; Info.CheckScale refuses it.
func Open(ctx context.Context, path string, o Options) (Slide, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open slide: %w", err)
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return openSeries(ctx, path, "", o)
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	head := readHead(f, headSize)
	if isDICOM(head) {
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("open slide %s: %w", path, err)
		}
		return openSeries(ctx, filepath.Dir(path), filepath.Join(filepath.Dir(path), filepath.Base(path)), o)
	}
	s, ok, err := openForeign(path, head, o)
	if ok {
		f.Close() // read only: nothing is lost
	} else if s, err = openFile(f, o); err != nil {
		f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("open slide %s: %w", path, err)
	}
	return s, nil
}

// openSeries opens the DICOM slide in a folder.
func openSeries(ctx context.Context, folder, named string, o Options) (Slide, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	files, err := openInstances(ctx, folder, named)
	if err != nil {
		return nil, fmt.Errorf("open slide %s: %w", cmp.Or(named, folder), err)
	}
	s, err := openDICOM(files, o)
	if err != nil {
		files.Close()
		return nil, fmt.Errorf("open slide %s: %w", cmp.Or(named, folder), err)
	}
	return s, nil
}

func (o Options) validate() error {
	if o.MPP == 0 {
		return nil
	}
	if err := operatorScale(o.MPP).Validate(); err != nil {
		return fmt.Errorf("--mpp: %w", err)
	}
	return nil
}

// openFile opens a slide that f holds, and takes f over unless there is an error.
func openFile(f *os.File, o Options) (Slide, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return openSource(source{witness: newWitness(f, st.Size()), Closer: f, size: st.Size(), path: f.Name()}, o)
}

// source is the bytes of a slide.
type source struct {
	*witness // nil where the formats' own library reads
	io.Closer
	size int64
	path string // empty where it is no file
}

func openSource(src source, o Options) (Slide, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	s, err := recognise(src, o)
	if failure := src.failure(); failure != nil {
		return nil, failure // whatever was made of the bytes that came
	}
	return s, err
}

func recognise(src source, o Options) (Slide, error) {
	c, err := examine(src, o)
	if err != nil {
		return nil, err
	}
	for _, format := range formats() {
		if format.detect(c) {
			return format.open(c)
		}
	}
	return nil, c.unknown()
}

func operatorScale(mpp float64) pyramid.MPP {
	return pyramid.MPP{X: mpp, Y: mpp, Source: pyramid.FromOperator}
}

// candidate is what formats look at to recognise a file.
type candidate struct {
	source
	options Options
	head    []byte     // the first bytes of the file, at most headSize
	tiff    *tiff.File // nil where the file is no TIFF
	first   *tiff.Directory
	icc     []byte // a colour profile that is not in a TIFF's tag
}

// profile is the colour profile, or nil.
func (c *candidate) profile() []byte {
	if c.icc != nil || c.first == nil {
		return c.icc
	}
	return c.first.Bytes(tiff.TagICCProfile)
}

const headSize = 4096

// examine reads what the formats' detect functions need. A TIFF with damaged directories ends here.
func examine(src source, o Options) (*candidate, error) {
	c := &candidate{source: src, options: o, head: make([]byte, min(headSize, src.size))}
	if _, err := io.ReadFull(io.NewSectionReader(src, 0, src.size), c.head); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	f, err := tiff.Parse(src, src.size)
	switch {
	case errors.Is(err, tiff.ErrNotTIFF):
		return c, nil
	case err != nil:
		return nil, err
	}
	f.JPEG, f.J2K = o.jpegDecoder(), o.j2kDecoder()
	c.tiff, c.first = f, f.Directories[0]
	return c, nil
}

// unknown is the error for a file that no format recognises.
func (c *candidate) unknown() error {
	if isDICOM(c.head) { // Open finds the others of a file's series; here is no folder
		return &UnsupportedError{Format: "dicom", Feature: "DICOM slides that are no files of this machine: copy the series' folder here"}
	}
	if utf8.Valid(c.head[:len(c.head)&^3]) && !bytes.ContainsRune(c.head, 0) {
		if bytes.Contains(c.head, []byte("schemas.microsoft.com/deepzoom/")) {
			return ErrDeepZoom
		}
		return ErrText
	}
	return ErrUnknown
}
