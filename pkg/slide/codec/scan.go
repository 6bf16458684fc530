package codec

// decodeScan decodes the entropy-coded data of a sequential stream into the picture's planes. Every
// block must decode and the data must end where the last block does: a cut or overwritten scan is an
// error, never grey or smeared blocks.
func (d *jpegDecoder) decodeScan(scan []byte) error {
	bits := bitReader{data: scan}
	var coeff [64]int32
	total := d.mcuCols * d.mcuRows
	for m := range total {
		if d.interval > 0 && m > 0 && m%d.interval == 0 {
			if !bits.restart(byte(m/d.interval-1) & 7) {
				return jpegDamaged("no restart marker before block group %d of %d", m+1, total)
			}
			for i := range d.parts {
				d.parts[i].previous = 0
			}
		}
		for i := range d.parts {
			if !d.parts[i].group(&bits, m%d.mcuCols, m/d.mcuCols, &coeff) {
				return jpegDamaged("the scan breaks off in block group %d of %d", m+1, total)
			}
		}
	}
	if n := bits.left(); n > scanSlack {
		return jpegDamaged("%d bytes follow the last block of the scan", n)
	}
	return nil
}

// scanSlack is how many bytes may follow the last block before the next marker: encoders in hardware
// pad to words.
const scanSlack = 8

// part is a component of the scan: its tables, its plane and where the prediction stands.
type part struct {
	*plane
	h, v     int // blocks per MCU
	side     int // samples to a block's side; 0 makes none
	dc, ac   *huffman
	quant    *[64]int32
	previous int32 // DC of the block before

	skip  *skipTable // of ac, where no samples are made
	small uint8      // of values in it that need no look
}

// group decodes a component's blocks of one MCU.
func (p *part) group(bits *bitReader, col, row int, coeff *[64]int32) bool {
	for v := range p.v {
		for h := range p.h {
			if p.side == 0 {
				if !bits.pass(p) {
					return false
				}
				continue
			}
			last, ok := bits.block(p.dc, p.ac, p.quant, &p.previous, coeff)
			if !ok {
				return false
			}
			out := p.pix[p.side*((row*p.v+v)*p.stride+col*p.h+h):]
			if p.side == 4 {
				transformHalf(coeff, last, out, p.stride)
				continue
			}
			if last == 0 {
				flat(coeff[0], out, p.stride)
				coeff[0] = 0
				continue
			}
			idct(coeff, out, p.stride)
		}
	}
	return true
}
