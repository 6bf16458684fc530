package slide

import (
	"context"
	"fmt"
	"image"
	"io"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/slide/dicom"
	"github.com/slidemill/slidemill/pkg/slide/extent"
)

// isDICOM recognises an instance by its preamble.
func isDICOM(head []byte) bool { return len(head) >= 132 && string(head[128:132]) == "DICM" }

// openDICOM makes a slide of a series' instances.
func openDICOM(files dicomFiles, o Options) (Slide, error) {
	const vendor = "dicom"
	c := &candidate{source: source{witness: files[0].bytes, Closer: files}, options: o}
	info := Info{Vendor: vendor}
	associated := make(map[string]plane)
	var levels []plane
	var in *dicom.Instance // of the finest level
	for _, parts := range files.concatenations() {
		p, err := newDICOMPlane(parts, o)
		if err != nil {
			return nil, err
		}
		name := "volume" // where nothing is said
		if len(p.in.ImageType) >= 3 {
			name = strings.ToLower(p.in.ImageType[2])
		}
		switch name {
		case "volume":
			levels = append(levels, p)
			if in == nil || p.in.TotalColumns > in.TotalColumns {
				in = p.in
			}
		case "overview":
			associated["macro"] = p
		case "label", "thumbnail":
			associated[name] = p
		}
	}
	if in == nil {
		return nil, &FormatError{Format: vendor, Problem: "no instance of type VOLUME"}
	}
	sortPlanes(levels)
	for i := 1; i < len(levels); i++ {
		if levels[i].layout().size == levels[i-1].layout().size {
			return nil, &UnsupportedError{Format: vendor, Feature: "two levels of the same size in a series (focal planes or optical paths of their own)"}
		}
	}
	for name, p := range associated {
		if p.layout().size.Pixels() > maxAssociated {
			delete(associated, name)
		}
	}
	info.MPP = believable(pyramid.MPP{X: 1000 * in.SpacingX, Y: 1000 * in.SpacingY, Source: pyramid.FromFile}, pyramid.MaxMPP)
	info.Objective, c.icc = believableObjective(in.Objective), in.ICC
	return newStack(c, info, levels, associated)
}

// dicomPlane is one level: an instance, or the parts of a concatenation. Of several focal planes the first is read.
//
// # Memory
//
// Eight bytes per tile where frames may be anywhere; a frame's bytes while it is read.
type dicomPlane struct {
	in     *dicom.Instance // the first part
	parts  []*dicom.Instance
	l      layout
	cols   int
	sparse map[image.Point]int // tile to frame of the level; nil where the order says it
	jpeg   codec.JPEGDecoder
	j2k    codec.J2KDecoder
}

func newDICOMPlane(parts []*dicom.Instance, o Options) (*dicomPlane, error) {
	in, frames := parts[0], 0
	for _, part := range parts {
		if part.FrameOffset != frames {
			return nil, &FormatError{Format: "dicom", Problem: fmt.Sprintf("the part with frame %d of a level is missing: copy the folder again", frames)}
		}
		if part.Columns != in.Columns || part.Rows != in.Rows || part.TransferSyntax != in.TransferSyntax || part.Sparse != in.Sparse {
			return nil, &FormatError{Format: "dicom", Problem: "the parts of a level contradict each other"}
		}
		frames += part.Frames
	}
	p := &dicomPlane{in: in, parts: parts, jpeg: o.jpegDecoder(), j2k: o.j2kDecoder()}
	p.l = layout{pyramid.Size{W: in.TotalColumns, H: in.TotalRows}, pyramid.Size{W: in.Columns, H: in.Rows}, "none"}
	switch in.TransferSyntax {
	case dicom.JPEGBaseline:
		p.l.codec = "jpeg"
	case dicom.J2K, dicom.J2KLossless:
		p.l.codec = "j2k"
	}
	p.cols = pyramid.CeilDiv(in.TotalColumns, in.Columns)
	tiles := int64(p.cols) * int64(pyramid.CeilDiv(in.TotalRows, in.Rows))
	if p.l.tile.Pixels() > extent.MaxTile {
		return nil, &UnsupportedError{Format: "dicom", Feature: fmt.Sprintf("frames of %s pixels", p.l.tile)}
	}
	if !in.Sparse {
		if int64(frames) < tiles {
			return nil, &FormatError{Format: "dicom", Problem: fmt.Sprintf("%d frames for %d tiles", frames, tiles)}
		}
		return p, nil
	}
	p.sparse = make(map[image.Point]int, frames)
	for _, part := range parts {
		if err := p.place(part); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// place notes where the frames of a part lie.
func (p *dicomPlane) place(in *dicom.Instance) error {
	for i, at := range in.Positions {
		if at.Column < 0 || at.Row < 0 || at.Column%in.Columns != 0 || at.Row%in.Rows != 0 {
			return &UnsupportedError{Format: "dicom", Feature: fmt.Sprintf("frame %d at %d, %d, off the grid of %s tiles", i, at.Column, at.Row, p.l.tile)}
		}
		tile := image.Pt(at.Column/in.Columns, at.Row/in.Rows)
		if _, twice := p.sparse[tile]; !twice {
			p.sparse[tile] = in.FrameOffset + i // a later one is another focal plane
		}
	}
	return nil
}

func (p *dicomPlane) layout() layout { return p.l }

// frame is the bytes of a tile, or nil where there is none.
func (p *dicomPlane) frame(col, row int) ([]byte, error) {
	i := row*p.cols + col
	if p.sparse != nil {
		var ok bool
		if i, ok = p.sparse[image.Pt(col, row)]; !ok {
			return nil, nil
		}
	}
	for _, part := range p.parts {
		if i < part.FrameOffset+part.Frames {
			return part.Frame(i - part.FrameOffset)
		}
	}
	return nil, fmt.Errorf("no frame %d", i)
}

func (p *dicomPlane) read(_ context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.l.bounds(col, row)
	if err != nil {
		return err
	}
	reshape(dst, r)
	data, err := p.frame(col, row)
	if err != nil || len(data) == 0 {
		return err
	}
	switch p.l.codec {
	case "jpeg":
		stream, err := codec.Standalone(nil, nil, data, p.model())
		if err != nil {
			return err
		}
		return p.jpeg(dst, stream, p.l.tile.W*p.l.tile.H)
	case "j2k":
		model := codec.Unknown // RGB, and the transforms of JPEG 2000 itself, which its decoder undoes
		if p.in.Photometric == "YBR_FULL" || p.in.Photometric == "YBR_FULL_422" {
			model = codec.YCbCr
		}
		return p.j2k(dst, data, codec.J2KConfig{Model: model, Limit: p.l.tile.W * p.l.tile.H})
	}
	return p.samples(dst, data)
}

// model is the colour model of the instance's JPEG streams. Its header is believed: streams say so in
// their own markers only sometimes.
func (p *dicomPlane) model() codec.Model {
	switch {
	case p.in.Samples == 1:
		return codec.Grey
	case p.in.Photometric == "RGB":
		return codec.RGB
	}
	return codec.YCbCr
}

// samples paints an uncompressed frame.
func (p *dicomPlane) samples(dst *image.RGBA, data []byte) error {
	if p.in.Samples == 3 && p.in.Photometric != "RGB" {
		return &UnsupportedError{Format: "dicom", Feature: "uncompressed " + p.in.Photometric}
	}
	pixel, channel := p.in.Samples, 1
	if p.in.Planar {
		pixel, channel = 1, p.l.tile.W*p.l.tile.H
	}
	if p.in.Samples == 1 {
		channel = 0
	}
	for y := range dst.Rect.Dy() {
		out := dst.Pix[y*dst.Stride:]
		for x := range dst.Rect.Dx() {
			at := (y*p.l.tile.W + x) * pixel
			out[4*x], out[4*x+1], out[4*x+2], out[4*x+3] = data[at], data[at+channel], data[at+2*channel], 255
		}
	}
	return nil
}

func (p *dicomPlane) raw(_ context.Context, col, row int, _ []byte) ([]byte, error) {
	if _, err := p.l.bounds(col, row); err != nil || p.l.codec != "jpeg" {
		return nil, err
	}
	data, err := p.frame(col, row)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return codec.Standalone(nil, nil, data, p.model())
}

// readHead reads the first bytes of a file, for telling what it is.
func readHead(f io.ReaderAt, n int) []byte {
	head := make([]byte, n)
	k, _ := f.ReadAt(head, 0)
	return head[:k]
}
