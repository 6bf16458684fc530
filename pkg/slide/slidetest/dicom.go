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

// DICOM writes whole-slide instances: one file per level, in a folder.
type DICOM struct {
	Size   pyramid.Size
	Tile   int
	Levels int
	// Sparse writes TILED_SPARSE with every other tile left out.
	Sparse bool
	// Native writes uncompressed RGB frames of Colour's pixels; otherwise they are JPEGs of Smooth's.
	Native bool
	// NoTable leaves the offset table empty.
	NoTable bool
}

const dicomRoot = "1.2.826.0.1.3680043.2.1125.77."

// Write writes the slide into a folder of the test's own and gives the folder.
func (d DICOM) Write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	size := d.Size
	for level := range d.Levels {
		name := filepath.Join(dir, fmt.Sprintf("level%d.dcm", level))
		if err := os.WriteFile(name, d.Instance(t, level, size), 0o600); err != nil {
			t.Fatal(err)
		}
		size = pyramid.Size{W: size.W / 2, H: size.H / 2}
	}
	return dir
}

// Instance is one level's file.
func (d DICOM) Instance(t testing.TB, level int, size pyramid.Size) []byte {
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
			r := image.Rect(0, 0, d.Tile, d.Tile).Add(at)
			if d.Native {
				frames = append(frames, RGB(Raster(r, level, Colour)))
			} else {
				frames = append(frames, jpegOf(t, r, level, size))
			}
		}
	}
	syntax, photometric := "1.2.840.10008.1.2.4.50", "YBR_FULL_422"
	if d.Native {
		syntax, photometric = "1.2.840.10008.1.2.1", "RGB"
	}
	instance := fmt.Sprintf("%s%d", dicomRoot, 10+level)
	meta := dicomSet{}.add(0x00020001, "OB", []byte{0, 1}).text(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6").
		text(0x00020003, "UI", instance).text(0x00020010, "UI", syntax).text(0x00020012, "UI", dicomRoot+"1")
	out := append(make([]byte, 128), "DICM"...)
	out = append(out, dicomSet{}.add(0x00020000, "UL", binary.LittleEndian.AppendUint32(nil, uint32(len(meta))))...)
	out = append(out, meta...)
	return append(append(out, d.dataSet(level, size, instance, photometric, places)...), d.pixels(frames)...)
}

func (d DICOM) dataSet(level int, size pyramid.Size, instance, photometric string, places []image.Point) dicomSet {
	kind, organisation := `ORIGINAL\PRIMARY\VOLUME\NONE`, "TILED_FULL"
	if level > 0 {
		kind = `DERIVED\PRIMARY\VOLUME\RESAMPLED`
	}
	if d.Sparse {
		organisation = "TILED_SPARSE"
	}
	mm := fmt.Sprintf("%g", 0.0005*float64(int(1)<<level))
	s := dicomSet{}.text(0x00080008, "CS", kind).text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6").text(0x00080018, "UI", instance).
		text(0x00080060, "CS", "SM").text(0x00100010, "PN", "DOE^JANE").text(0x0020000D, "UI", dicomRoot+"2").text(0x0020000E, "UI", dicomRoot+"3").
		text(0x00209311, "CS", organisation).short(0x00280002, 3).text(0x00280004, "CS", photometric).short(0x00280006, 0).
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
