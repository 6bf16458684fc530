package slidetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// DICOM writes whole-slide instances: one file per level or part of one, in a folder.
type DICOM struct {
	Size   pyramid.Size
	Tile   int
	Levels int
	// Sparse writes TILED_SPARSE with every other tile left out.
	Sparse bool
	// Native writes uncompressed RGB frames of Colour's pixels; otherwise they are JPEGs of Smooth's.
	Native bool
	// J2K writes lossless JPEG 2000 frames of Colour's pixels.
	J2K bool
	// NoTable leaves the offset table empty.
	NoTable bool
	// Parts writes each level as a concatenation of so many files (PS3.3 C.7.6.16.2.2.4), or of one for each
	// frame if it has fewer. 0 and 1 are none.
	Parts int
}

const dicomRoot = "1.2.826.0.1.3680043.2.1125.77."

// Write writes the slide into a folder of the test's own and gives the folder.
func (d DICOM) Write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	size := d.Size
	for level := range d.Levels {
		for part, data := range d.level(t, level, size) {
			name := fmt.Sprintf("level%d.dcm", level)
			if part > 0 {
				name = fmt.Sprintf("level%d part%d.dcm", level, d.Parts-part) // their names tell no order
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		size = pyramid.Size{W: size.W / 2, H: size.H / 2}
	}
	return dir
}

// Instance is one level's file, or the first part of it.
func (d DICOM) Instance(t testing.TB, level int, size pyramid.Size) []byte {
	t.Helper()
	return d.level(t, level, size)[0]
}

// level are the files of one level.
func (d DICOM) level(t testing.TB, level int, size pyramid.Size) (files [][]byte) {
	t.Helper()
	var frames [][]byte
	var places []image.Point
	for row := range pyramid.CeilDiv(size.H, d.Tile) {
		for col := range pyramid.CeilDiv(size.W, d.Tile) {
			if d.Sparse && (row+col)%2 == 1 {
				continue
			}
			at := image.Pt(col*d.Tile, row*d.Tile)
			places = append(places, at)
			frames = append(frames, d.frame(t, image.Rect(0, 0, d.Tile, d.Tile).Add(at), level, size))
		}
	}
	each := pyramid.CeilDiv(len(frames), max(d.Parts, 1))
	for from := 0; from < len(frames); from += each {
		to := min(from+each, len(frames))
		p := dicomPart{level: level, number: len(files) + 1, first: from, places: places[from:to]}
		files = append(files, d.file(p, size, frames[from:to]))
	}
	return files
}

// dicomPart is what one file holds of a level.
type dicomPart struct {
	level, number, first int // counted from 0, 1 and 0
	places               []image.Point
}

func (d DICOM) frame(t testing.TB, r image.Rectangle, level int, size pyramid.Size) []byte {
	switch {
	case d.Native:
		return RGB(Raster(r, level, Colour))
	case d.J2K:
		return J2K(t, atOrigin(Raster(r, level, Colour)))
	}
	return jpegOf(t, r, level, size)
}

// syntax is the transfer syntax, and the photometric interpretation that goes with it.
func (d DICOM) syntax() (transfer, photometric string) {
	switch {
	case d.Native:
		return "1.2.840.10008.1.2.1", "RGB"
	case d.J2K:
		return "1.2.840.10008.1.2.4.90", "YBR_RCT"
	}
	return "1.2.840.10008.1.2.4.50", "YBR_FULL_422"
}

func (d DICOM) file(p dicomPart, size pyramid.Size, frames [][]byte) []byte {
	transfer, _ := d.syntax()
	instance := fmt.Sprintf("%s%d.%d", dicomRoot, 10+p.level, p.number)
	meta := dicomSet{}.add(0x00020001, "OB", []byte{0, 1}).text(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6").
		text(0x00020003, "UI", instance).text(0x00020010, "UI", transfer).text(0x00020012, "UI", dicomRoot+"1")
	out := append(make([]byte, 128), "DICM"...)
	out = append(out, dicomSet{}.add(0x00020000, "UL", binary.LittleEndian.AppendUint32(nil, uint32(len(meta))))...)
	out = append(out, meta...)
	return append(append(out, d.dataSet(p, size, instance)...), d.pixels(frames)...)
}

func (d DICOM) dataSet(p dicomPart, size pyramid.Size, instance string) dicomSet {
	level, places := p.level, p.places
	_, photometric := d.syntax()
	kind, organisation := `ORIGINAL\PRIMARY\VOLUME\NONE`, "TILED_FULL"
	if level > 0 {
		kind = `DERIVED\PRIMARY\VOLUME\RESAMPLED`
	}
	if d.Sparse {
		organisation = "TILED_SPARSE"
	}
	mm := fmt.Sprintf("%g", 0.0005*float64(int(1)<<level))
	s := dicomSet{}.text(0x00080008, "CS", kind).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6").text(0x00080018, "UI", instance).
		text(0x00080060, "CS", "SM").text(0x00100010, "PN", "DOE^JANE").text(0x0020000D, "UI", dicomRoot+"2").text(0x0020000E, "UI", dicomRoot+"3")
	if d.Parts > 1 {
		s = s.text(0x00209161, "UI", fmt.Sprintf("%s%d", dicomRoot, 90+level)).short(0x00209162, p.number).long(0x00209228, p.first)
	}
	s = s.text(0x00209311, "CS", organisation).short(0x00280002, 3).text(0x00280004, "CS", photometric).short(0x00280006, 0).
		text(0x00280008, "IS", fmt.Sprint(len(places))).short(0x00280010, d.Tile).short(0x00280011, d.Tile).
		short(0x00280100, 8).short(0x00280101, 8).short(0x00280102, 7).short(0x00280103, 0).
		long(0x00480006, size.W).long(0x00480007, size.H).
		sequence(0x00480105, dicomSet{}.text(0x00480106, "SH", "1").text(0x00480112, "DS", "20")).
		long(0x00480302, 1).long(0x00480303, 1).
		sequence(0x52009229, dicomSet{}.sequence(0x00289110, dicomSet{}.text(0x00280030, "DS", mm+`\`+mm)))
	if d.Sparse {
		var items []dicomSet
		for _, at := range places {
			items = append(items, dicomSet{}.sequence(0x0048021A, dicomSet{}.long(0x0048021E, at.X+1).long(0x0048021F, at.Y+1)))
		}
		s = s.sequence(0x52009230, items...)
	}
	return s
}

// pixels is the pixel data element.
func (d DICOM) pixels(frames [][]byte) []byte {
	if d.Native {
		return dicomSet{}.add(0x7FE00010, "OB", bytes.Join(frames, nil))
	}
	out := append(dicomTag(0x7FE00010), "OB\x00\x00\xff\xff\xff\xff"...)
	var table, items []byte
	for _, f := range frames {
		if len(f)%2 == 1 {
			f = append(f, 0)
		}
		table = binary.LittleEndian.AppendUint32(table, uint32(len(items)))
		items = append(items, dicomTag(0xFFFEE000)...)
		items = append(binary.LittleEndian.AppendUint32(items, uint32(len(f))), f...)
	}
	if d.NoTable {
		table = nil
	}
	out = append(out, dicomTag(0xFFFEE000)...)
	out = append(binary.LittleEndian.AppendUint32(out, uint32(len(table))), table...)
	out = append(out, items...)
	return append(append(out, dicomTag(0xFFFEE0DD)...), 0, 0, 0, 0)
}

// dicomSet is a data set in Explicit VR Little Endian.
type dicomSet []byte

func dicomTag(tag uint32) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, uint16(tag>>16)), uint16(tag))
}

func (s dicomSet) add(tag uint32, vr string, value []byte) dicomSet {
	if len(value)%2 == 1 {
		value = append(value, 0)
	}
	s = append(append(s, dicomTag(tag)...), vr...)
	switch vr {
	case "OB", "OW", "SQ", "UN":
		s = binary.LittleEndian.AppendUint32(append(s, 0, 0), uint32(len(value)))
	default:
		s = binary.LittleEndian.AppendUint16(s, uint16(len(value)))
	}
	return append(s, value...)
}

func (s dicomSet) text(tag uint32, vr, v string) dicomSet {
	if len(v)%2 == 1 && vr != "UI" {
		v += " "
	}
	return s.add(tag, vr, []byte(v))
}

func (s dicomSet) short(tag uint32, v int) dicomSet {
	return s.add(tag, "US", binary.LittleEndian.AppendUint16(nil, uint16(v)))
}

func (s dicomSet) long(tag uint32, v int) dicomSet {
	return s.add(tag, "UL", binary.LittleEndian.AppendUint32(nil, uint32(v)))
}

// sequence adds items, of undefined length as most writers have them.
func (s dicomSet) sequence(tag uint32, items ...dicomSet) dicomSet {
	s = append(append(s, dicomTag(tag)...), "SQ\x00\x00\xff\xff\xff\xff"...)
	for _, item := range items {
		s = append(append(s, dicomTag(0xFFFEE000)...), 0xff, 0xff, 0xff, 0xff)
		s = append(append(append(s, item...), dicomTag(0xFFFEE00D)...), 0, 0, 0, 0)
	}
	return append(append(s, dicomTag(0xFFFEE0DD)...), 0, 0, 0, 0)
}
