package slidetest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Vendor makes small slides as scanners of different vendors lay them out, from what is known of the
// formats. Their pixels are close to Smooth's. OpenSlide opens each of them, which is what proves them.
type Vendor struct {
	Size pyramid.Size // of the finest level, before padding
	Tile int
	// Overlap of neighbouring tiles, for Ventana.
	Overlap image.Point
	// Skip leaves tiles out, for Philips.
	Skip func(level, col, row int) bool
}

// jpegOf is part of a level as a JPEG. Beyond the level's size the picture is white.
func jpegOf(t testing.TB, r image.Rectangle, level int, size pyramid.Size) []byte {
	t.Helper()
	im := Raster(r, level, Smooth)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if x >= size.W || y >= size.H {
				copy(im.Pix[im.PixOffset(x, y):], []byte{255, 255, 255, 255})
			}
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, im, &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// level appends a tiled JPEG level and gives its fields.
func (v Vendor) level(t testing.TB, b *Builder, level int, size, stated pyramid.Size, step image.Point) []Field {
	var offsets, counts []uint64
	for row := range pyramid.CeilDiv(stated.H, v.Tile) {
		for col := range pyramid.CeilDiv(stated.W, v.Tile) {
			if v.Skip != nil && v.Skip(level, col, row) {
				offsets, counts = append(offsets, 0), append(counts, 0)
				continue
			}
			r := image.Rect(0, 0, v.Tile, v.Tile).Add(image.Pt(col*step.X, row*step.Y))
			data := jpegOf(t, r, level, size)
			offsets, counts = append(offsets, b.Append(data)), append(counts, uint64(len(data)))
		}
	}
	integer := Long
	if b.big {
		integer = Long8
	}
	return []Field{
		Long(256, uint64(stated.W)), Long(257, uint64(stated.H)), Short(258, 8, 8, 8), Short(259, 7), Short(262, 6),
		Short(277, 3), Short(284, 1), Short(322, uint64(v.Tile)), Short(323, uint64(v.Tile)),
		integer(324, offsets...), integer(325, counts...), Short(530, 2, 2),
	}
}

// sorted appends a directory with its fields in ascending order, which TIFF wants.
func (b *Builder) sorted(fields ...Field) {
	for i := range fields {
		for j := i; j > 0 && fields[j].Tag < fields[j-1].Tag; j-- {
			fields[j], fields[j-1] = fields[j-1], fields[j]
		}
	}
	b.Directory(fields...)
}

func (v Vendor) plain(t testing.TB, b *Builder, level int, size pyramid.Size) []Field {
	return v.level(t, b, level, size, size, image.Pt(v.Tile, v.Tile))
}

// strip appends a stripped RGB picture.
func strip(b *Builder, size pyramid.Size, number int) []Field {
	raw := RGB(Raster(size.Bounds(), number, Colour))
	return []Field{
		Long(256, uint64(size.W)), Long(257, uint64(size.H)), Short(258, 8, 8, 8), Short(259, 1), Short(262, 2),
		Long(273, b.Append(raw)), Short(277, 3), Long(278, uint64(size.H)), Long(279, uint64(len(raw))), Short(284, 1),
	}
}

// padded is a size in whole tiles.
func (v Vendor) padded(s pyramid.Size) pyramid.Size {
	return pyramid.Size{W: pyramid.CeilDiv(s.W, v.Tile) * v.Tile, H: pyramid.CeilDiv(s.H, v.Tile) * v.Tile}
}

// Philips is a Philips TIFF of three levels, each padded to whole tiles, with a label among the
// directories and a macro in the description.
func (v Vendor) Philips(t testing.TB) []byte {
	t.Helper()
	b := NewBuilder(binary.LittleEndian, true)
	var spacings, text strings.Builder
	for i := range 3 {
		mm := fmt.Sprintf("%.6f", 0.00025*float64(int(1)<<i))
		fmt.Fprintf(&spacings, `<DataObject ObjectType="PixelDataRepresentation"><Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" Element="0x0030" PMSVR="IDoubleArray">&quot;%s&quot; &quot;%s&quot;</Attribute><Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_NUMBER" Group="0x1001" Element="0x8B02" PMSVR="IUInt16">%d</Attribute></DataObject>`, mm, mm, i)
	}
	macro := base64.StdEncoding.EncodeToString(jpegOf(t, image.Rect(0, 0, 40, 30), 1, pyramid.Size{W: 40, H: 30}))
	fmt.Fprintf(&text, `<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport"><Attribute Name="DICOM_MANUFACTURER" Group="0x0008" Element="0x0070" PMSVR="IString">PHILIPS</Attribute><Attribute Name="PIM_DP_SCANNED_IMAGES" Group="0x301D" Element="0x1003" PMSVR="IDataObjectArray"><Array>`+
		`<DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE" Group="0x301D" Element="0x1004" PMSVR="IString">WSI</Attribute><Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" Element="0x0030" PMSVR="IDoubleArray">&quot;0.00025&quot; &quot;0.00025&quot;</Attribute><Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE" Group="0x1001" Element="0x8B01" PMSVR="IDataObjectArray"><Array>%s</Array></Attribute></DataObject>`+
		`<DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE" Group="0x301D" Element="0x1004" PMSVR="IString">MACROIMAGE</Attribute><Attribute Name="PIM_DP_IMAGE_DATA" Group="0x301D" Element="0x1005" PMSVR="IString">%s</Attribute></DataObject>`+
		`</Array></Attribute></DataObject>`, spacings.String(), macro)
	size := v.padded(v.Size)
	for i := range 3 {
		fields := v.level(t, b, i, size, v.padded(size), image.Pt(v.Tile, v.Tile))
		fields = append(fields, Long(254, uint64(min(i, 1))))
		if i == 0 {
			fields = append(fields, Text(270, text.String()), Text(305, "Philips DP v1.0"))
		}
		b.sorted(fields...)
		size = pyramid.Size{W: v.padded(v.Size).W >> (i + 1), H: v.padded(v.Size).H >> (i + 1)}
	}
	b.sorted(append(strip(b, pyramid.Size{W: 24, H: 20}, 3), Text(270, "Label"), Long(254, 1))...)
	return b.Bytes()
}

// LeicaScale is the scale of Leica's fixtures in nm per pixel.
const LeicaScale = 500

// Leica is an SCN of one or more scans side by side, two levels each, and a macro.
func (v Vendor) Leica(t testing.TB, scans int) []byte {
	t.Helper()
	b := NewBuilder(binary.LittleEndian, true)
	var images strings.Builder
	gap := 36 // pixels between scans: a multiple of the reduced level's factor only
	w, h := 2000+scans*(v.Size.W+gap), 1000+v.Size.H
	fmt.Fprintf(&images, `<image name="macro" uuid="m"><pixels sizeX="60" sizeY="30"><dimension sizeX="60" sizeY="30" r="0" ifd="0"/></pixels><view sizeX="%d" sizeY="%d" offsetX="0" offsetY="0" spacingZ="0"/><scanSettings><objectiveSettings><objective>0.6</objective></objectiveSettings><illuminationSettings><illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>`, w*LeicaScale, h*LeicaScale)
	small := pyramid.Size{W: v.Size.W / 4, H: v.Size.H / 4}
	for i := range scans {
		x, y := 1000+i*(v.Size.W+gap), 500
		fmt.Fprintf(&images, `<image name="scan" uuid="s%d"><device model="Leica SCN400" version="1"/><pixels sizeX="%d" sizeY="%d"><dimension sizeX="%d" sizeY="%d" r="0" ifd="%d"/><dimension sizeX="%d" sizeY="%d" r="1" ifd="%d"/></pixels><view sizeX="%d" sizeY="%d" offsetX="%d" offsetY="%d" spacingZ="0"/><scanSettings><objectiveSettings><objective>20</objective></objectiveSettings><illuminationSettings><numericalAperture>0.4</numericalAperture><illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>`,
			i, v.Size.W, v.Size.H, v.Size.W, v.Size.H, 1+2*i, small.W, small.H, 2+2*i, v.Size.W*LeicaScale, v.Size.H*LeicaScale, x*LeicaScale, y*LeicaScale)
	}
	text := fmt.Sprintf(`<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="u"><collection name="c" uuid="cu" sizeX="%d" sizeY="%d"><barcode>MQ==</barcode>%s</collection></scn>`, w*LeicaScale, h*LeicaScale, images.String())
	tiny := v
	tiny.Tile = 64
	b.sorted(append(tiny.plain(t, b, 0, pyramid.Size{W: 60, H: 30}), Text(270, text))...)
	for i := range scans {
		b.sorted(v.plain(t, b, i, v.Size)...)
		b.sorted(v.plain(t, b, i, small)...)
	}
	return b.Bytes()
}

// Ventana is a BIF of one area, two levels, label and thumbnail.
func (v Vendor) Ventana(t testing.TB) []byte {
	t.Helper()
	b := NewBuilder(binary.LittleEndian, true)
	cols, rows := pyramid.CeilDiv(v.Size.W, v.Tile), pyramid.CeilDiv(v.Size.H, v.Tile)
	stated := pyramid.Size{W: cols * v.Tile, H: rows * v.Tile}
	xmp := []byte(`<?xml version="1.0"?><Metadata><iScan AOI0="" ScanRes="0.25" Magnification="40" ScanWhitePoint="235" UnitNumber="1" Z-layers="1"/></Metadata>`)
	b.sorted(append(strip(b, pyramid.Size{W: 30, H: 50}, 3), Text(270, "Label Image"), Field{700, 1, uint64(len(xmp)), func(Order) []byte { return xmp }})...)
	b.sorted(append(strip(b, pyramid.Size{W: 20, H: 40}, 2), Text(270, "Thumbnail"))...)
	encode := v.ventanaEncode(cols, rows)
	fields := v.level(t, b, 0, stated, stated, image.Pt(v.Tile-v.Overlap.X, v.Tile-v.Overlap.Y))
	b.sorted(append(fields, Text(270, "level=0 mag=40 quality=92"), Field{700, 1, uint64(len(encode)), func(Order) []byte { return encode }})...)
	half := pyramid.Size{W: stated.W / 2, H: stated.H / 2}
	b.sorted(append(v.plain(t, b, 1, half), Text(270, "level=1 mag=20 quality=92"))...)
	return b.Bytes()
}

// ventanaEncode describes the joints: tiles are counted in serpentines,
// beginning at the bottom row from left to right.
func (v Vendor) ventanaEncode(cols, rows int) []byte {
	var joints strings.Builder
	number := func(col, row int) int { // row 0 is the lowest
		if row%2 == 1 {
			col = cols - 1 - col
		}
		return row*cols + col + 1
	}
	for row := range rows {
		for col := range cols - 1 {
			fmt.Fprintf(&joints, `<TileJointInfo FlagJoined="1" Confidence="100" Direction="RIGHT" Tile1="%d" Tile2="%d" OverlapX="%d" OverlapY="0"/>`, number(col, row), number(col+1, row), v.Overlap.X)
		}
		for col := range cols {
			if row+1 < rows {
				fmt.Fprintf(&joints, `<TileJointInfo FlagJoined="1" Confidence="100" Direction="UP" Tile1="%d" Tile2="%d" OverlapX="0" OverlapY="%d"/>`, number(col, row), number(col, row+1), v.Overlap.Y)
			}
		}
	}
	return fmt.Appendf(nil, `<?xml version="1.0"?><EncodeInfo Ver="2"><SlideInfo/><SlideStitchInfo><ImageInfo AOIScanned="1" AOIIndex="0" NumRows="%d" NumCols="%d" Width="%d" Height="%d" Pos-X="0" Pos-Y="0">%s</ImageInfo></SlideStitchInfo><AoiOrigin><AOI0 OriginX="0" OriginY="0"/></AoiOrigin></EncodeInfo>`,
		rows, cols, v.Tile, v.Tile, joints.String())
}

// Trestle is a Trestle TIFF of one level, which OpenSlide alone reads.
func (v Vendor) Trestle(t testing.TB) []byte {
	t.Helper()
	b := NewBuilder(binary.LittleEndian, false)
	b.sorted(append(v.plain(t, b, 0, v.Size), Text(270, "Objective Power=20;Black Level=0;OverlapsXY= 0 0 "), Text(305, "MedScan 1.0"), Rational(282, 0.5), Rational(283, 0.5))...)
	return b.Bytes()
}
