package dicom

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/extent"
)

// ErrNotDICOM says that the file does not begin like a DICOM file.
var ErrNotDICOM = errors.New("not a DICOM file")

// WholeSlide is the SOP class of whole-slide images.
const WholeSlide = "1.2.840.10008.5.1.4.1.1.77.1.6"

// Transfer syntaxes that are read.
const (
	ImplicitLittle = "1.2.840.10008.1.2"
	ExplicitLittle = "1.2.840.10008.1.2.1"
	JPEGBaseline   = "1.2.840.10008.1.2.4.50"
	J2KLossless    = "1.2.840.10008.1.2.4.90"
	J2K            = "1.2.840.10008.1.2.4.91"
)

// Instance is one file of a slide. It is read-only and safe for concurrent use.
type Instance struct {
	TransferSyntax, SOPClass, Instance, Series string
	ImageType                                  []string // such as ORIGINAL PRIMARY VOLUME NONE
	Columns, Rows                              int      // of a frame
	TotalColumns, TotalRows                    int      // of the level; the frame's where there is no matrix
	Frames                                     int
	Samples, Bits                              int
	Planar                                     bool   // each frame holds all red, then all green, then all blue
	Photometric                                string // RGB, YBR_FULL_422, …
	Sparse                                     bool   // TILED_SPARSE: Positions says where each frame lies
	Positions                                  []Position
	SpacingX, SpacingY                         float64 // mm, 0 if unknown
	Objective                                  float64
	OpticalPaths, FocalPlanes                  int
	Concatenation                              string // of the level's parts, where it is split over files
	FrameOffset                                int    // frames of the level that come before this part's
	ICC                                        []byte

	full    bool // TILED_FULL
	r       io.ReaderAt
	size    int64
	pixels  element
	offsets []int64 // of each frame's first item in the file, encapsulated syntaxes only
}

// Position is the left upper corner of a frame in level pixels, counted from 0.
type Position struct{ Column, Row int }

// Limits on what an instance may claim.
const (
	maxFrames = 1 << 22 // 275 gigapixels of 256-pixel tiles
	maxText   = 1 << 12
	maxSide   = 1<<16 - 1 // of a frame, whose columns and rows are 16-bit numbers (PS3.3 C.7.6.3)
	maxICC    = 16 << 20
	maxFrame  = 64 << 20
)

// Read reads an instance's header. No pixel is touched, but where the file has no table of its frames
// their heads are read, eight bytes each.
//
// # Memory
//
// Eight bytes per frame, sixteen more for sparse ones: at most 100 MB for maxFrames.
func Read(r io.ReaderAt, size int64) (*Instance, error) {
	var head [132]byte
	if _, err := r.ReadAt(head[:], 0); err != nil || string(head[128:]) != "DICM" {
		return nil, ErrNotDICOM
	}
	in := &Instance{r: r, size: size, Samples: 1, Frames: 1, OpticalPaths: 1, FocalPlanes: 1}
	c := &cursor{r: r, size: size, at: 132}
	if err := in.meta(c); err != nil {
		return nil, err
	}
	var extended []byte
	last, err := c.walk(size, func(e element) (func() error, error) {
		if e.tag == 0x7FE00001 {
			var err error
			extended, err = c.value(e, 8*maxFrames)
			return nil, err
		}
		return in.visit(c, e)
	})
	if err != nil {
		return nil, err
	}
	if in.SOPClass != WholeSlide {
		return in, nil // somebody else's business
	}
	if last.tag != tagPixelData {
		return nil, damaged("no pixel data: the file is cut short")
	}
	in.pixels = last
	if err := in.check(); err != nil {
		return nil, err
	}
	return in, in.index(extended)
}

// meta reads the file's own group, which is always explicit, and learns how the rest is written.
func (in *Instance) meta(c *cursor) error {
	for {
		b, err := c.peek(2)
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint16(b) != 2 {
			break
		}
		e, err := c.next()
		if err != nil {
			return err
		}
		if e.tag == 0x00020010 {
			if in.TransferSyntax, err = c.text(e); err != nil {
				return err
			}
		}
		if e.n == undefined {
			return damaged("an element of undefined length in the file's own group")
		}
		c.at = e.at + e.n
	}
	switch in.TransferSyntax {
	case ImplicitLittle:
		c.implicit = true
	case ExplicitLittle, JPEGBaseline, J2KLossless, J2K:
	default:
		return unsupported("transfer syntax %q; JPEG baseline, JPEG 2000 and uncompressed are read (dcmdjpeg and gdcmconv convert)", in.TransferSyntax)
	}
	return nil
}

// encapsulated reports whether frames are streams of their own.
func (in *Instance) encapsulated() bool {
	return in.TransferSyntax != ImplicitLittle && in.TransferSyntax != ExplicitLittle
}

func (c *cursor) text(e element) (string, error) {
	b, err := c.value(e, maxText)
	return strings.TrimRight(string(b), " \x00"), err
}

// whole reads a number, binary or as text; 0 if it is none.
func (c *cursor) whole(e element) (int, error) {
	b, err := c.value(e, maxText)
	if err != nil {
		return 0, err
	}
	switch e.n {
	case 2:
		if e.vr != "IS" && e.tag != tagFrames {
			return int(binary.LittleEndian.Uint16(b)), nil
		}
	case 4:
		if e.vr != "IS" && e.tag != tagFrames {
			return int(int32(binary.LittleEndian.Uint32(b))), nil
		}
	}
	n, _ := strconv.Atoi(string(bytes.Trim(b, " \x00")))
	return n, nil
}

const tagFrames tag = 0x00280008

// visit keeps what is on the list; see PS3.6 for the names of the tags.
func (in *Instance) visit(c *cursor, e element) (enter func() error, err error) {
	switch e.tag {
	case 0x00080008:
		var text string
		text, err = c.text(e)
		in.ImageType = strings.Split(text, `\`)
	case tagSOPClass:
		in.SOPClass, err = c.text(e)
	case 0x00080018:
		in.Instance, err = c.text(e)
	case tagSeries:
		in.Series, err = c.text(e)
	case 0x00209161:
		in.Concatenation, err = c.text(e)
	case 0x00209228:
		in.FrameOffset, err = c.whole(e)
	case 0x00209311:
		var text string
		text, err = c.text(e)
		in.Sparse, in.full = text == "TILED_SPARSE", text == "TILED_FULL"
	case 0x00280002:
		in.Samples, err = c.whole(e)
	case 0x00280004:
		in.Photometric, err = c.text(e)
	case 0x00280006:
		var n int
		n, err = c.whole(e)
		in.Planar = n == 1
	case tagFrames:
		in.Frames, err = c.whole(e)
	case 0x00280010:
		in.Rows, err = c.whole(e)
	case 0x00280011:
		in.Columns, err = c.whole(e)
	case 0x00280100:
		in.Bits, err = c.whole(e)
	case 0x00480006:
		in.TotalColumns, err = c.whole(e)
	case 0x00480007:
		in.TotalRows, err = c.whole(e)
	case 0x00480302:
		in.OpticalPaths, err = c.whole(e)
	case 0x00480303:
		in.FocalPlanes, err = c.whole(e)
	case 0x00480105: // optical path
		return in.into(c, in.visitOptics), nil
	case 0x52009229, 0x00289110: // shared functional groups, pixel measures
		return in.into(c, in.visit), nil
	case 0x00280030:
		err = in.spacing(c, e)
	case 0x52009230: // functional groups of each frame
		return func() error {
			if len(in.Positions) >= maxFrames {
				return unsupported("more than %d frames", maxFrames)
			}
			in.Positions = append(in.Positions, Position{-1, -1})
			return in.into(c, in.visitFrame)()
		}, nil
	}
	return nil, err
}

// into walks an item with another list.
func (in *Instance) into(c *cursor, visit func(*cursor, element) (func() error, error)) func() error {
	return func() error {
		_, err := c.walk(c.size, func(e element) (func() error, error) { return visit(c, e) })
		return err
	}
}

func (in *Instance) visitOptics(c *cursor, e element) (enter func() error, err error) {
	switch e.tag {
	case 0x00282000:
		if in.ICC == nil {
			in.ICC, err = c.value(e, maxICC)
		}
	case 0x00480112:
		var text string
		text, err = c.text(e)
		in.Objective, _ = strconv.ParseFloat(strings.TrimSpace(text), 64)
	}
	return nil, err
}

// visitFrame reads a frame's place, which DICOM counts from 1.
func (in *Instance) visitFrame(c *cursor, e element) (enter func() error, err error) {
	p := &in.Positions[len(in.Positions)-1]
	switch e.tag {
	case 0x0048021A: // plane position
		return in.into(c, in.visitFrame), nil
	case 0x0048021E:
		p.Column, err = c.whole(e)
		p.Column--
	case 0x0048021F:
		p.Row, err = c.whole(e)
		p.Row--
	}
	return nil, err
}

// spacing is the distance of rows, then of columns.
func (in *Instance) spacing(c *cursor, e element) error {
	text, err := c.text(e)
	row, column, _ := strings.Cut(text, `\`)
	in.SpacingY, _ = strconv.ParseFloat(strings.TrimSpace(row), 64)
	in.SpacingX, _ = strconv.ParseFloat(strings.TrimSpace(column), 64)
	return err
}

// check refuses what cannot be or is not read.
func (in *Instance) check() error {
	if !in.full && in.Frames > 0 && len(in.Positions) == in.Frames && in.Positions[0].Column >= 0 {
		in.Sparse = true // some writers state the places and not the organisation
	}
	if in.TotalColumns == 0 && in.TotalRows == 0 {
		in.TotalColumns, in.TotalRows = in.Columns, in.Rows
	}
	switch {
	case in.Columns < 1 || in.Rows < 1 || in.Columns > maxSide || in.Rows > maxSide || !extent.Plausible(pyramid.Size{W: in.TotalColumns, H: in.TotalRows}):
		return damaged("frames of %d by %d in a matrix of %d by %d pixels", in.Columns, in.Rows, in.TotalColumns, in.TotalRows)
	case in.Frames < 1 || in.Frames > maxFrames:
		return damaged("%d frames", in.Frames)
	case in.Bits != 8 || in.Samples != 1 && in.Samples != 3:
		return unsupported("%d samples of %d bits", in.Samples, in.Bits)
	case in.OpticalPaths > 1:
		return unsupported("%d optical paths; slides in one colour picture are read", in.OpticalPaths)
	case in.FrameOffset < 0 || in.FrameOffset > maxFrames:
		return damaged("frame %d begins the file", in.FrameOffset)
	case in.Sparse && len(in.Positions) != in.Frames:
		return damaged("%d positions for %d frames", len(in.Positions), in.Frames)
	}
	switch in.Photometric {
	case "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "MONOCHROME2":
		return nil
	}
	return unsupported("photometric interpretation %q", in.Photometric)
}
