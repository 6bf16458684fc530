package codec

import "sync"

// jpegDecoder holds what a sequential stream's segments say, and the planes of its picture. It is
// reused, so that a tile of the size of the last one allocates nothing.
//
// # Memory
//
// The planes: 1 to 3 bytes per pixel, padded to whole blocks.
type jpegDecoder struct {
	frame
	quant            [4][64]int32 // in zigzag order
	hasQuant         [4]bool
	dc, ac           [4]huffman
	hasDC, hasAC     [4]bool
	interval         int // MCUs between restart markers; 0: none
	mcuCols, mcuRows int
	planes           [3]plane
	parts            []part // in the order of the scan
	wholeScan        bool   // the first scan holds all there is
	half             bool   // decode at half the size; see DecodeHalf
	check            bool   // make no pixels; see CheckJPEG
	skips            [4]skipTable
}

var decoderPool = sync.Pool{New: func() any { return new(jpegDecoder) }}

// begin forgets the last stream and reads the segments of a new one.
func (d *jpegDecoder) begin(f frame, segs []segment) error {
	d.frame, d.interval, d.wholeScan, d.parts = f, 0, false, d.parts[:0]
	d.hasQuant, d.hasDC, d.hasAC = [4]bool{}, [4]bool{}, [4]bool{}
	for _, s := range segs {
		if err := d.segment(s); err != nil {
			return err
		}
	}
	return nil
}

func (d *jpegDecoder) segment(s segment) error {
	switch s.marker {
	case mDQT:
		return d.quantTables(s.data)
	case mDHT:
		return d.huffmanTables(s.data)
	case mDRI:
		if len(s.data) != 2 {
			return jpegDamaged("restart interval of %d bytes", len(s.data))
		}
		d.interval = int(s.data[0])<<8 | int(s.data[1])
	case mSOS:
		return d.scanHeader(s.data)
	}
	return nil
}

func (d *jpegDecoder) quantTables(data []byte) error {
	for len(data) > 0 {
		size, number := 1+int(data[0]>>4), data[0]&15
		if size > 2 || number > 3 || len(data) < 1+64*size {
			return jpegDamaged("quantisation table header %#02x", data[0])
		}
		for k := range 64 {
			if size == 1 {
				d.quant[number][k] = int32(data[1+k])
			} else {
				d.quant[number][k] = int32(data[1+2*k])<<8 | int32(data[2+2*k])
			}
		}
		d.hasQuant[number] = true
		data = data[1+64*size:]
	}
	return nil
}

func (d *jpegDecoder) huffmanTables(data []byte) error {
	for len(data) > 0 {
		class, number := data[0]>>4, data[0]&15
		if len(data) < 17 || class > 1 || number > 3 {
			return jpegDamaged("huffman table header %#02x", data[0])
		}
		table, has := &d.dc[number], &d.hasDC[number]
		if class == 1 {
			table, has = &d.ac[number], &d.hasAC[number]
		}
		n, err := table.read(data[1:])
		if err != nil {
			return err
		}
		if class == 1 && !d.check {
			table.prepareAC()
		}
		*has = true
		data = data[1+n:]
	}
	return nil
}

// scanHeader lays out the planes for the scan's components.
func (d *jpegDecoder) scanHeader(data []byte) error {
	if len(data) < 1 || len(data) != 4+2*int(data[0]) {
		return jpegDamaged("scan header of %d bytes", len(data))
	}
	d.wholeScan = d.marker != mSOF2 && int(data[0]) == len(d.components)
	if !d.wholeScan {
		return nil // see borrow
	}
	d.layout()
	for i := range d.components {
		if err := d.addPart(data[1+2*i], data[2+2*i]); err != nil {
			return err
		}
	}
	return nil
}

// layout sizes the planes. A picture of one component has one block per MCU, whatever its sampling
// factors (T.81 A.2.2).
func (d *jpegDecoder) layout() {
	hMax, vMax := d.maxSampling()
	if len(d.components) == 1 {
		d.components[0].h, d.components[0].v, hMax, vMax = 1, 1, 1, 1
	}
	d.mcuCols, d.mcuRows = ceilDiv(d.width, 8*hMax), ceilDiv(d.height, 8*vMax)
	if d.check {
		return
	}
	for i, c := range d.components {
		h, v := int(c.h), int(c.v)
		side, unit := d.blockSide(c, hMax, vMax), d.blockUnit()
		d.planes[i].resize(planeSize{
			stride: side * h * d.mcuCols, height: side * v * d.mcuRows,
			cols: ceilDiv(d.width*h*side, 8*hMax), rows: ceilDiv(d.height*v*side, 8*vMax),
			h: hMax * unit / (h * side), v: vMax * unit / (v * side),
		})
	}
}

// addPart joins component id of the scan with its plane and tables.
func (d *jpegDecoder) addPart(id, tables byte) error {
	dc, ac := tables>>4, tables&15
	for i, c := range d.components {
		if c.id != id {
			continue
		}
		for _, p := range d.parts {
			if p.plane == &d.planes[i] {
				return jpegDamaged("component %d twice in a scan", id)
			}
		}
		if dc > 3 || ac > 3 || !d.hasDC[dc] || !d.hasAC[ac] || c.quant > 3 || !d.hasQuant[c.quant] {
			return jpegDamaged("component %d lacks a table", id)
		}
		p := part{
			plane: &d.planes[i], h: int(c.h), v: int(c.v),
			dc: &d.dc[dc], ac: &d.ac[ac], quant: &d.quant[c.quant],
		}
		if d.check {
			d.skips[ac].prepare(p.ac)
			p.skip, p.small = &d.skips[ac], smallSize(p.quant)
		} else {
			p.side = d.planes[i].stride / (p.h * d.mcuCols)
		}
		d.parts = append(d.parts, p)
		return nil
	}
	return jpegDamaged("scan of component %d, which the frame lacks", id)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
