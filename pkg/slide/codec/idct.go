package codec

// The inverse transform is the one that libjpeg calls "islow" and uses unless told otherwise: Loeffler,
// Ligtenberg and Moschytz, ICASSP 1989, in integers of 13 fraction bits with 2 kept between the
// passes. The same integers in the same order give the same pixels as libjpeg and libjpeg-turbo, to
// the bit, on every machine.
const (
	constBits = 13
	passBits  = 2

	f0298 = 2446  // 0.298631336
	f0390 = 3196  // 0.390180644
	f0541 = 4433  // 0.541196100
	f0765 = 6270  // 0.765366865
	f0899 = 7373  // 0.899976223
	f1175 = 9633  // 1.175875602
	f1501 = 12299 // 1.501321110
	f1847 = 15137 // 1.847759065
	f1961 = 16069 // 1.961570560
	f2053 = 16819 // 2.053119869
	f2562 = 20995 // 2.562915447
	f3072 = 25172 // 3.072711026
)

// idct transforms a block of coefficients and writes its 8 by 8 samples to out. It leaves the block
// zero for the next one.
func idct(c *[64]int32, out []byte, stride int) {
	for x := range 8 {
		column(c, x)
	}
	for y := range 8 {
		row(c[8*y:8*y+8:8*y+8], out[y*stride:y*stride+8:y*stride+8])
	}
	*c = [64]int32{}
}

// flat writes the block whose only coefficient is dc, as idct would.
func flat(dc int32, out []byte, stride int) {
	v := clamp((dc<<passBits+1<<(passBits+2))>>(passBits+3) + 128)
	for y := range 8 {
		o := out[y*stride : y*stride+8 : y*stride+8]
		o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7] = v, v, v, v, v, v, v, v
	}
}

// column transforms column x in place.
func column(c *[64]int32, x int) {
	x &= 7
	if c[8+x]|c[16+x]|c[24+x]|c[32+x]|c[40+x]|c[48+x]|c[56+x] == 0 {
		v := c[x] << passBits
		c[x], c[8+x], c[16+x], c[24+x], c[32+x], c[40+x], c[48+x], c[56+x] = v, v, v, v, v, v, v, v
		return
	}
	e0, e1, e2, e3 := even(c[x], c[16+x], c[32+x], c[48+x])
	o0, o1, o2, o3 := odd(c[8+x], c[24+x], c[40+x], c[56+x])
	const shift, half = constBits - passBits, 1 << (constBits - passBits - 1)
	c[x], c[56+x] = (e0+o3+half)>>shift, (e0-o3+half)>>shift
	c[8+x], c[48+x] = (e1+o2+half)>>shift, (e1-o2+half)>>shift
	c[16+x], c[40+x] = (e2+o1+half)>>shift, (e2-o1+half)>>shift
	c[24+x], c[32+x] = (e3+o0+half)>>shift, (e3-o0+half)>>shift
}

// row transforms a row and writes its samples.
func row(c []int32, out []byte) {
	_, _ = c[7], out[7]
	if c[1]|c[2]|c[3]|c[4]|c[5]|c[6]|c[7] == 0 {
		v := clamp((c[0]+1<<(passBits+2))>>(passBits+3) + 128)
		out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7] = v, v, v, v, v, v, v, v
		return
	}
	e0, e1, e2, e3 := even(c[0], c[2], c[4], c[6])
	o0, o1, o2, o3 := odd(c[1], c[3], c[5], c[7])
	const shift = constBits + passBits + 3
	const half = 1<<(shift-1) + 128<<shift // rounds, and moves samples to the middle of their range
	out[0], out[7] = clamp((e0+o3+half)>>shift), clamp((e0-o3+half)>>shift)
	out[1], out[6] = clamp((e1+o2+half)>>shift), clamp((e1-o2+half)>>shift)
	out[2], out[5] = clamp((e2+o1+half)>>shift), clamp((e2-o1+half)>>shift)
	out[3], out[4] = clamp((e3+o0+half)>>shift), clamp((e3-o0+half)>>shift)
}

// even is the even half of an eight-point transform.
func even(c0, c2, c4, c6 int32) (e0, e1, e2, e3 int32) {
	z := (c2 + c6) * f0541
	t2, t3 := z-c6*f1847, z+c2*f0765
	t0, t1 := (c0+c4)<<constBits, (c0-c4)<<constBits
	return t0 + t3, t1 + t2, t1 - t2, t0 - t3
}

// odd is the odd half of an eight-point transform.
func odd(c1, c3, c5, c7 int32) (o0, o1, o2, o3 int32) {
	z1, z2, z3, z4 := (c7+c1)*f0899, (c5+c3)*f2562, c7+c3, c5+c1
	z5 := (z3 + z4) * f1175
	z3, z4 = z5-z3*f1961, z5-z4*f0390
	return c7*f0298 - z1 + z3, c5*f2053 - z2 + z4, c3*f3072 - z2 + z3, c1*f1501 - z1 + z4
}

// clamp limits a sample to 0…255.
func clamp(v int32) byte {
	if uint32(v) > 255 {
		return byte(^(v >> 31)) // 0 below, 255 above
	}
	return byte(v)
}
