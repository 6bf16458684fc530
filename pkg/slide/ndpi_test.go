package slide_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// holed is a file with nothing but zeros between two parts.
type holed struct {
	head, rest []byte
	hole       int64
}

func (h holed) size() int64 { return int64(len(h.head)) + h.hole + int64(len(h.rest)) }

func (h holed) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) && at+int64(n) < h.size() {
		i := at + int64(n)
		switch begin := int64(len(h.head)) + h.hole; {
		case i < int64(len(h.head)):
			n += copy(p[n:], h.head[i:])
		case i >= begin:
			n += copy(p[n:], h.rest[i-begin:])
		default:
			k := min(begin-i, int64(len(p)-n))
			clear(p[n : n+int(k)])
			n += int(k)
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// The ways of NDPI: small, beyond four gigabytes, without a table of intervals, with a picture too large for
// its own header. All show the same pixels.
func TestNDPI(t *testing.T) {
	size := pyramid.Size{W: 1280, H: 544} // three tiles by two, the last ones cut
	var want []*image.RGBA
	for name, n := range map[string]slidetest.NDPI{
		"plain": {Size: size}, "5 GB": {Size: size, Hole: 5 << 30}, "no table": {Size: size, NoStarts: true},
		"5 GB, no table": {Size: size, Hole: 5 << 30, NoStarts: true}, "unsized": {Size: size, Unsized: true},
	} {
		t.Run(name, func(t *testing.T) {
			head, rest := n.Parts(t)
			file := holed{head, rest, n.Hole}
			open := func(t *testing.T) slide.Slide {
				s, err := slide.OpenReader(file, file.size(), slide.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			slidetest.Run(t, open)
			s := open(t)
			defer s.Close()
			if info := s.Info(); info.Vendor != "hamamatsu-ndpi" || info.Size() != size || info.Objective != 40 || info.MPP.X != 0.25 {
				t.Errorf("info %+v", info)
			}
			var got []*image.RGBA
			slidetest.Tiles(s.Info(), func(level, col, row int) { got = append(got, slidetest.Read(t, s, level, col, row)) })
			if want == nil {
				want = got
			}
			for i := range got {
				if !slidetest.Equal(got[i], want[i]) {
					t.Fatalf("tile %d differs from the other files'", i)
				}
				if c := got[i].RGBAAt(got[i].Rect.Min.X+9, got[i].Rect.Min.Y+9); near(c.R, slidetest.Smooth(0, got[i].Rect.Min.X+9, got[i].Rect.Min.Y+9).R) > 12 {
					t.Errorf("tile %d shows %v", i, c)
				}
			}
		})
	}
}

func near(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// A table of intervals that lies is not believed; intervals that are gone are missed.
func TestNDPIDamage(t *testing.T) {
	n := slidetest.NDPI{Size: pyramid.Size{W: 64, H: 48}}
	whole := n.Bytes(t)
	lying := append([]byte(nil), whole...)
	lying[len(lying)-4*3] ^= 0x55 // one of the offsets at the end of the file
	s, err := slide.OpenReader(strings.NewReader(string(lying)), int64(len(lying)), slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	good := opener(writeFile(t, "x.ndpi", whole), slide.Options{})(t)
	defer good.Close()
	if !slidetest.Equal(slidetest.Read(t, s, 0, 0, 0), slidetest.Read(t, good, 0, 0, 0)) {
		t.Error("a wrong offset changes pixels")
	}
	gone := []byte(strings.Replace(string(lying), "\xff\xd1", "\x00\x00", 1))
	s, err = slide.OpenReader(strings.NewReader(string(gone)), int64(len(gone)), slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var tile image.RGBA
	var format *slide.FormatError
	if err := s.ReadTile(t.Context(), 0, 0, 0, &tile); !errors.As(err, &format) {
		t.Errorf("a missing marker: %v", err)
	}
}

// A picture that ends with a marker has an empty last interval.
func TestNDPIEndsWithMarker(t *testing.T) {
	data := slidetest.NDPI{Size: pyramid.Size{W: 64, H: 48}, NoStarts: true}.Bytes(t)
	const begin = 16 // of the picture
	last := bytes.LastIndex(data, []byte("\xff\xd4"))
	count := bytes.Index(data, []byte("\x17\x01\x04\x00\x01\x00\x00\x00")) // StripByteCounts
	if last < 0 || count < 0 {
		t.Fatal("the fixture has changed")
	}
	binary.LittleEndian.PutUint32(data[count+8:], uint32(last+2-begin))
	s, err := slide.OpenReader(bytes.NewReader(data), int64(len(data)), slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var tile image.RGBA
	var format *slide.FormatError
	if err := s.ReadTile(t.Context(), 0, 0, 0, &tile); !errors.As(err, &format) {
		t.Errorf("an empty interval: %v", err)
	}
}
