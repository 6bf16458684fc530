package codec

// checkScan reads the entropy-coded data of a sequential stream without transforming it, and reports
// an error unless every block decodes and the data end where the last block does. That catches cut
// and overwritten scans, which the pixel decoder shows as grey or smeared blocks without an error.
//
// Progressive streams, which no scanner writes, are not checked here.
func checkScan(f frame, segs []segment, scan []byte) error {
	c := scanChecker{frame: f, bits: bitReader{data: scan}}
	for _, s := range segs {
		if err := c.tables(s); err != nil {
			return err
		}
	}
	if len(c.parts) != len(f.components) {
		return jpegUnsupported("a sequential stream of several scans")
	}
	return c.run()
}

// scanChecker holds the tables of a stream and its position in the scan.
type scanChecker struct {
	frame
	bits     bitReader
	dc, ac   [4]*huffman
	restart  int
	parts    []scanPart
	inMCU    []scanPart // parts, repeated as their blocks are in one MCU
	finished bool
}

// scanPart is a component's blocks per MCU and its tables.
type scanPart struct {
	blocks int
	dc, ac *huffman
}

// tables takes what a segment says about the scan.
func (c *scanChecker) tables(s segment) error {
	switch s.marker {
	case mDHT:
		return c.huffmanTables(s.data)
	case mDRI:
		if len(s.data) != 2 {
			return jpegDamaged("restart interval of %d bytes", len(s.data))
		}
		c.restart = int(s.data[0])<<8 | int(s.data[1])
	case mSOS:
		return c.scanHeader(s.data)
	}
	return nil
}

func (c *scanChecker) huffmanTables(d []byte) error {
	for len(d) > 0 {
		if len(d) < 17 || d[0]&0xEF > 3 {
			return jpegDamaged("huffman table header")
		}
		h, n, err := newHuffman(d[1:])
		if err != nil {
			return err
		}
		if d[0]&0x10 == 0 {
			c.dc[d[0]&3] = h
		} else {
			c.ac[d[0]&3] = h
		}
		d = d[1+n:]
	}
	return nil
}

func (c *scanChecker) scanHeader(d []byte) error {
	if len(d) < 1 || len(d) != 4+2*int(d[0]) {
		return jpegDamaged("scan header of %d bytes", len(d))
	}
	for i := range int(d[0]) {
		id, tables := d[1+2*i], d[2+2*i]
		if tables&0xCC != 0 {
			return jpegDamaged("huffman table number %#02x", tables)
		}
		blocks := 0
		for _, p := range c.components {
			if p.id == id {
				blocks = int(p.h) * int(p.v)
			}
		}
		part := scanPart{blocks, c.dc[tables>>4], c.ac[tables&3]}
		if blocks == 0 || part.dc == nil || part.ac == nil {
			return jpegDamaged("scan of component %d, which has no frame entry or table", id)
		}
		c.parts = append(c.parts, part)
	}
	if len(c.parts) == 1 {
		c.parts[0].blocks = 1 // a scan of one component is not interleaved (T.81 A.2.2)
	}
	return nil
}

// mcus is the number of minimum coded units in the scan.
func (c *scanChecker) mcus() int {
	h, v := 1, 1
	if len(c.components) > 1 {
		h, v = c.maxSampling()
	}
	return ceilDiv(c.width, 8*h) * ceilDiv(c.height, 8*v)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func (c *scanChecker) run() error {
	total := c.mcus()
	for m := range total {
		if c.restart > 0 && m > 0 && m%c.restart == 0 {
			if !c.bits.restart(byte(m/c.restart-1) & 7) {
				return jpegDamaged("no restart marker before block group %d of %d", m, total)
			}
		}
		for _, p := range c.parts {
			for range p.blocks {
				if !c.bits.block(p.dc, p.ac) {
					return jpegDamaged("the scan breaks off in block group %d of %d", m+1, total)
				}
			}
		}
	}
	if n := c.bits.left(); n > scanSlack {
		return jpegDamaged("%d bytes follow the last block of the scan", n)
	}
	return nil
}

// scanSlack is how many bytes may follow the last block before the next marker: encoders in hardware
// pad to words.
const scanSlack = 8

// huffman decodes one symbol with a table look-up of lookBits bits, or by the canonical code's limits
// for longer ones (T.81 annex F.2.2.3).
type huffman struct {
	look    [1 << lookBits]uint16 // length<<8 | symbol; 0: longer than lookBits or no code
	limit   [18]int32             // first code beyond those of each length, -1 where there is none
	offset  [17]int32             // symbol index of a length's code c is c+offset
	symbols []byte
}

const lookBits = 9

// newHuffman reads a table's 16 counts and its symbols, and gives the number of bytes it took.
func newHuffman(d []byte) (*huffman, int, error) {
	total := 0
	for _, n := range d[:16] {
		total += int(n)
	}
	if total == 0 || total > 256 || 16+total > len(d) {
		return nil, 0, jpegDamaged("huffman table of %d symbols", total)
	}
	h := &huffman{symbols: d[16 : 16+total]}
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(d[length-1])
		h.offset[length] = k - code
		if code+n > 1<<length {
			return nil, 0, jpegDamaged("huffman table with too many codes of %d bits", length)
		}
		h.limit[length] = code + n
		h.fillLook(code, n, k, length)
		code, k = (code+n)<<1, k+n
	}
	return h, 16 + total, nil
}

func (h *huffman) fillLook(code, n, k int32, length int) {
	if length > lookBits {
		return
	}
	for i := range n {
		first := (code + i) << (lookBits - length)
		for j := range int32(1) << (lookBits - length) {
			h.look[first+j] = uint16(length)<<8 | uint16(h.symbols[k+i])
		}
	}
}
