package dicom_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/dicom"
	"github.com/slidemill/slidemill/pkg/slide/fault"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

func instances(t testing.TB) (out [][]byte) {
	for _, d := range []slidetest.DICOM{{Tile: 16}, {Tile: 16, Sparse: true}, {Tile: 16, Native: true}, {Tile: 16, NoTable: true}} {
		out = append(out, d.Instance(t, 0, pyramid.Size{W: 40, H: 20}))
	}
	return out
}

// Every frame that a header announces can be read, and no other.
func TestFrames(t *testing.T) {
	for i, data := range instances(t) {
		in, err := dicom.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for frame := range in.Frames {
			if b, err := in.Frame(frame); err != nil || len(b) < 100 {
				t.Errorf("instance %d: frame %d: %d bytes, %v", i, frame, len(b), err)
			}
		}
		for _, frame := range []int{-1, in.Frames} {
			if _, err := in.Frame(frame); err == nil {
				t.Errorf("instance %d: frame %d of %d is read", i, frame, in.Frames)
			}
		}
	}
}

// An element of no bytes at the end of a file that lacks its pixels is the file's fault, not the reader's.
func TestEmptyLastElement(t *testing.T) {
	data := append(make([]byte, 128), "DICM"...)
	data = append(data, "\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00\x08\x00\x16\x00UI\x00\x00"...)
	in, err := dicom.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil || in.SOPClass != "" {
		t.Errorf("%+v, %v", in, err)
	}
}

// What Series says of a file is what its whole header says.
func TestSeries(t *testing.T) {
	for i, data := range instances(t) {
		in, err := dicom.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if series, err := dicom.Series(bytes.NewReader(data), int64(len(data))); err != nil || series != in.Series || series == "" {
			t.Errorf("instance %d: %q, want %q, error %v", i, series, in.Series, err)
		}
	}
}

// Of a file that ends before its series is named, or is written in a way that cannot be read, nobody can say that it is of
// another one: wherever it is cut, also between two elements.
func TestSeriesThatCannotBeTold(t *testing.T) {
	data := instances(t)[0]
	in, err := dicom.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for n := 132; n < len(data); n++ {
		if series, err := dicom.Series(bytes.NewReader(data[:n]), int64(n)); err == nil && series != in.Series {
			t.Errorf("cut at %d: series %q", n, series)
		}
	}
	big := bytes.Clone(data)
	copy(big[bytes.Index(big, []byte{8, 0, 0x16, 0}):], []byte{0, 8, 0, 0x16}) // big-endian: the tag seems to lie behind the series
	if series, err := dicom.Series(bytes.NewReader(big), int64(len(big))); err == nil {
		t.Errorf("big-endian: series %q", series)
	}
}

// FuzzRead: any bytes end in an instance or in an error that blames someone; what its tables take and what its
// frames give is bounded by the file.
func FuzzRead(f *testing.F) {
	for _, data := range instances(f) {
		f.Add(data[128:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		data = append(make([]byte, 128), data...)
		_, seriesErr := dicom.Series(bytes.NewReader(data), int64(len(data)))
		if seriesErr != nil && !blames(seriesErr) {
			t.Fatalf("error %v", seriesErr)
		}
		in, err := dicom.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if !blames(err) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if len(in.Positions) > len(data) || len(in.ICC) > len(data) {
			t.Fatalf("%d positions and %d bytes of profile in %d bytes", len(in.Positions), len(in.ICC), len(data))
		}
		if in.SOPClass != dicom.WholeSlide {
			return
		}
		for frame := range min(in.Frames, 8) {
			if b, err := in.Frame(frame); err != nil && !blames(err) {
				t.Fatalf("frame %d: error %v", frame, err)
			} else if len(b) > len(data) {
				t.Fatalf("frame %d has %d bytes of %d", frame, len(b), len(data))
			}
		}
	})
}

func blames(err error) bool {
	var format *fault.FormatError
	var unsupported *fault.UnsupportedError
	return errors.As(err, &format) || errors.As(err, &unsupported) || errors.Is(err, dicom.ErrNotDICOM)
}
