package slide_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/slidetest"
)

// The targets here put hostile text into sound containers: a fuzzer that has to mend offsets and counts
// before its XML is looked at seldom gets to it. FuzzOpen (corpus_test.go) does the whole files.

// bounded opens a whole file and reads its first tiles: it must end in pixels or in an error that blames
// someone, within the corpus's bounds of time and memory.
func bounded(t *testing.T, data []byte) {
	t.Helper()
	before, begin := allocated(), time.Now()
	err := openBytes(t.Context(), data)
	if err != nil && (!blames(err) || strings.Contains(err.Error(), "runtime error")) {
		t.Fatalf("error %v", err)
	}
	if took, bytes := time.Since(begin), allocated()-before; took > 5*corpusTime || bytes > 2*corpusMemory {
		t.Fatalf("took %v and %d MiB", took, bytes>>20)
	}
}

// maxText bounds the texts: what longer ones do, shorter ones do.
const maxText = 1 << 14

// tiledFields appends a small uncompressed tiled picture, 48 by 32 in tiles of 16, halved by level.
func tiledFields(b *slidetest.Builder, level int) []slidetest.Field {
	size := pyramid.Size{W: max(1, 48>>level), H: max(1, 32>>level)}
	var offsets, counts []uint64
	for range pyramid.CeilDiv(size.W, 16) * pyramid.CeilDiv(size.H, 16) {
		raw := slidetest.RGB(slidetest.Raster(image.Rect(0, 0, 16, 16), level, slidetest.Colour))
		offsets, counts = append(offsets, b.Append(raw)), append(counts, uint64(len(raw)))
	}
	return []slidetest.Field{
		slidetest.Long(254, uint64(min(level, 1))), slidetest.Long(256, uint64(size.W)), slidetest.Long(257, uint64(size.H)),
		slidetest.Short(258, 8, 8, 8), slidetest.Short(259, 1), slidetest.Short(262, 2), slidetest.Short(277, 3),
		slidetest.Short(322, 16), slidetest.Short(323, 16), slidetest.Long8(324, offsets...), slidetest.Long8(325, counts...),
	}
}

// threeLevels is a BigTIFF of three levels, with more fields for each.
func threeLevels(extra ...[]slidetest.Field) []byte {
	b := slidetest.NewBuilder(binary.LittleEndian, true)
	for level := range 3 {
		fields := tiledFields(b, level)
		if level < len(extra) {
			fields = append(fields, extra[level]...)
		}
		b.Directory(fields...)
	}
	return b.Bytes()
}

// between cuts the text of a fixture from one mark to the end of another.
func between(f *testing.F, data []byte, from, to string) string {
	_, rest, ok := bytes.Cut(data, []byte(from))
	text, _, found := bytes.Cut(rest, []byte(to))
	if !ok || !found {
		f.Fatalf("no %q … %q in the fixture", from, to)
	}
	return from + string(text) + to
}

// FuzzPhilips: whatever Philips's description says of scales, levels and pictures.
func FuzzPhilips(f *testing.F) {
	f.Add(between(f, vendorSlides(f)["philips.tiff"], "<?xml", "</Array></Attribute></DataObject>\x00"))
	f.Add(`<DataObject ObjectType="DPUfsImport"><Attribute Name="DICOM_PIXEL_SPACING">"1e-308" "1e308"</Attribute></DataObject>`)
	f.Add(`<DataObject ObjectType="DPUfsImport">` + strings.Repeat(`<Attribute><Array><DataObject>`, 40))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxText || !strings.Contains(text, "DPUfsImport") {
			return
		}
		bounded(t, threeLevels([]slidetest.Field{slidetest.Text(270, text), slidetest.Text(305, "Philips DP v1.0")}))
	})
}

// FuzzLeica: whatever Leica's collection says of rectangles, directories and planes.
func FuzzLeica(f *testing.F) {
	for _, name := range []string{"leica.scn", "leica two scans.scn"} {
		text := between(f, vendorSlides(f)[name], "<?xml", "</scn>")
		f.Add(text)
		for i, size := range []pyramid.Size{{W: 200, H: 120}, {W: 50, H: 30}} { // the sizes of the small levels here
			small := pyramid.Size{W: 48 >> i, H: 32 >> i}
			text = strings.ReplaceAll(text, fmt.Sprintf(`sizeX="%d" sizeY="%d"`, size.W, size.H), fmt.Sprintf(`sizeX="%d" sizeY="%d"`, small.W, small.H))
		}
		f.Add(strings.NewReplacer(`ifd="3"`, `ifd="1"`, `ifd="4"`, `ifd="2"`).Replace(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxText || !strings.Contains(text, "http://www.leica-microsystems.com/scn/") {
			return
		}
		bounded(t, threeLevels([]slidetest.Field{slidetest.Text(270, text)}))
	})
}

// FuzzVentana: whatever Ventana's two descriptions say of the scan and of how tiles are joined.
func FuzzVentana(f *testing.F) {
	for _, name := range []string{"ventana.bif", "ventana joined.bif"} {
		data := vendorSlides(f)[name]
		f.Add(between(f, data, "<Metadata>", "</Metadata>"), between(f, data, "<EncodeInfo", "</EncodeInfo>"), "level=0 mag=40 quality=92")
	}
	f.Add(`<iScan ScanRes="NaN" Magnification="-1"/>`, `<EncodeInfo><SlideStitchInfo><ImageInfo AOIScanned="1"><TileJointInfo FlagJoined="1" Confidence="1" Direction="RIGHT" OverlapX="-1e300"/></ImageInfo></SlideStitchInfo></EncodeInfo>`, "level=")
	f.Fuzz(func(t *testing.T, scan, encode, level string) {
		if len(scan)+len(encode)+len(level) > maxText || !strings.Contains(scan, "<iScan") {
			return
		}
		xmp := func(text string) slidetest.Field { return slidetest.Undefined(700, []byte(text)) }
		bounded(t, threeLevels(
			[]slidetest.Field{slidetest.Text(270, "Label Image"), xmp(scan)},
			[]slidetest.Field{slidetest.Text(270, level), xmp(encode)},
			[]slidetest.Field{slidetest.Text(270, "level=1 mag=20 quality=92")}))
	})
}

// FuzzAperio: whatever the descriptions of levels and pictures say, and whatever their subfile types are.
func FuzzAperio(f *testing.F) {
	f.Add(aperioText, "Aperio|label ", uint32(1))
	f.Add("Aperio Image Library\r\n46000x32914 [0,0 46000x32914] (256x256) J2K/YUV16|AppMag = 1e9|MPP = 1e-9", "", uint32(9))
	f.Fuzz(func(t *testing.T, text, second string, subfile uint32) {
		if len(text)+len(second) > maxText || !strings.HasPrefix(text, "Aperio") {
			return
		}
		bounded(t, threeLevels([]slidetest.Field{slidetest.Text(270, text)}, []slidetest.Field{slidetest.Text(270, second), slidetest.Long(254, uint64(subfile))}))
	})
}

// FuzzNDPI: damaged directories, tables of restart intervals and streams.
func FuzzNDPI(f *testing.F) {
	for _, n := range []slidetest.NDPI{{}, {NoStarts: true}, {Unsized: true}} {
		n.Size = pyramid.Size{W: 128, H: 48}
		f.Add(n.Bytes(f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 16 || len(data) > 1<<15 || !bytes.HasPrefix(data, []byte("II*\x00")) {
			return
		}
		bounded(t, data)
	})
}

// FuzzRestartTable: a table of any offsets, also in numbers of 64 bits, beside a sound stream.
func FuzzRestartTable(f *testing.F) {
	plain := slidetest.NDPI{Size: pyramid.Size{W: 32 * 40, H: 16}}
	f.Add(plain.Table(f))
	f.Add(wildTable(f, plain))
	f.Fuzz(func(t *testing.T, table []byte) {
		if len(table) > 1<<12 {
			return
		}
		n := plain
		n.Starts = table[:len(table)&^7]
		bounded(t, n.Bytes(t))
	})
}

// FuzzDeepZoom: an archive with any description of its picture and of its scan.
func FuzzDeepZoom(f *testing.F) {
	f.Add(`<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="png" Overlap="1" TileSize="16"><Size Width="20" Height="12"/></Image>`,
		`<image><properties><property name="MicronsPerPixel" value="0.25"/></properties></image>`)
	f.Add(`<Image Format="jpg" Overlap="0" TileSize="1"><Size Width="67108864" Height="67108864"/></Image>`, `<MicronsPerPixelX>nan</MicronsPerPixelX>`)
	f.Fuzz(func(t *testing.T, descriptor, properties string) {
		if len(descriptor)+len(properties) > maxText {
			return
		}
		bounded(t, sziOf(t, pyramid.Size{W: 20, H: 12}, 16, 1, []byte(descriptor), []byte(properties)))
	})
}

// FuzzVMS: a VMS file names files of its own folder only, whatever it says.
func FuzzVMS(f *testing.F) {
	f.Add("[Virtual Microscope Specimen]\nNoLayers=1\nImageFile=a.jpg\nImageFile(1,0)=../b.jpg\n")
	f.Add("[Virtual Microscope Specimen]\nImageFile=/etc/passwd\nX=..\nY=.\nZ=\x00\n")
	dir := f.TempDir()
	for _, name := range []string{"a.jpg", "b.jpg"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	path := filepath.Join(dir, "x.vms")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxText {
			return
		}
		if err := os.WriteFile(path, []byte("["+text), 0o600); err != nil {
			t.Fatal(err)
		}
		files, err := slide.Files(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if filepath.Dir(name) != dir {
				t.Fatalf("%q lies elsewhere", name)
			}
		}
	})
}
