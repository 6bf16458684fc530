package slide_test

import (
	"bytes"
	"context"
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

// wildTable is a table of restart intervals of which one, not among those that are sampled, lies so far out
// that two bytes more are a negative number.
func wildTable(t testing.TB, n slidetest.NDPI) []byte {
	table := n.Table(t)
	binary.LittleEndian.PutUint64(table[8*2:], 1<<63-1)
	return table
}

// A table of intervals that are nowhere gives the pixels that the markers give, and no panic.
func TestWildRestartTable(t *testing.T) {
	n := slidetest.NDPI{Size: pyramid.Size{W: 32 * 40, H: 16}}
	want := opener(writeFile(t, "x.ndpi", n.Bytes(t)), slide.Options{})(t)
	defer want.Close()
	n.Starts = wildTable(t, n)
	got := opener(writeFile(t, "y.ndpi", n.Bytes(t)), slide.Options{})(t)
	defer got.Close()
	slidetest.Tiles(want.Info(), func(level, col, row int) {
		if !slidetest.Equal(slidetest.Read(t, got, level, col, row), slidetest.Read(t, want, level, col, row)) {
			t.Errorf("tile %d/%d_%d has other pixels", level, col, row)
		}
	})
}

// Levels may share one strip: their indices count together.
func TestNDPIManyIntervals(t *testing.T) {
	le := binary.LittleEndian
	data := slidetest.NDPI{Size: pyramid.Size{W: 64, H: 48}}.Bytes(t)
	at := le.Uint64(data[4:])
	n := uint64(le.Uint16(data[at:]))
	le.PutUint32(data[at+2+12*1+8:], 1<<26) // width
	le.PutUint32(data[at+2+12*2+8:], 32)    // height: as many intervals as are allowed
	if _, err := slide.OpenReader(bytes.NewReader(data), int64(len(data)), slide.Options{}); err != nil {
		t.Fatal(err)
	}
	second := uint64(len(data))
	data = append(data, data[at:at+2+16*n+8]...)
	le.PutUint64(data[at+2+12*n:], second)
	_, err := slide.OpenReader(bytes.NewReader(data), int64(len(data)), slide.Options{})
	var unsupported *slide.UnsupportedError
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "restart intervals") {
		t.Errorf("two levels of four million intervals each: %v", err)
	}
}

// Who is called off while the markers are looked for leaves the level readable for the next.
func TestNDPISearchEndsWithContext(t *testing.T) {
	data := slidetest.NDPI{Size: pyramid.Size{W: 64, H: 48}, NoStarts: true}.Bytes(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := &hooked{ReaderAt: bytes.NewReader(data)}
	s, err := slide.OpenReader(r, int64(len(data)), slide.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r.hook = cancel
	var tile image.RGBA
	if err := s.ReadTile(ctx, 0, 0, 0, &tile); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
	r.hook = nil
	if err := s.ReadTile(t.Context(), 0, 0, 0, &tile); err != nil {
		t.Errorf("the next: %v", err)
	}
}

// hooked is a file that something happens to whenever it is read.
type hooked struct {
	io.ReaderAt
	hook func()
}

func (h *hooked) ReadAt(p []byte, off int64) (int, error) {
	if h.hook != nil {
		h.hook()
	}
	return h.ReaderAt.ReadAt(p, off)
}
