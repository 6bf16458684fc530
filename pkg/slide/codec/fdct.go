package codec

// fdct is the forward transform that libjpeg calls "islow": the counterpart of idct, in the same integers
// and order, so that its coefficients are libjpeg's to the bit. They come out eight times too large.
func fdct(b *[64]int32) {
	for y := range 8 {
		r := b[8*y : 8*y+8 : 8*y+8]
		s, d := butterflies(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
		r[0], r[4] = (s.a+s.b)<<passBits, (s.a-s.b)<<passBits
		const shift, half = constBits - passBits, 1 << (constBits - passBits - 1)
		e2, e6 := s.even()
		o1, o3, o5, o7 := d.odd()
		r[2], r[6] = (e2+half)>>shift, (e6+half)>>shift
		r[1], r[3], r[5], r[7] = (o1+half)>>shift, (o3+half)>>shift, (o5+half)>>shift, (o7+half)>>shift
	}
	for x := range 8 {
		c := b[x : x+57 : x+57]
		s, d := butterflies(c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56])
		const first = 1 << (passBits - 1)
		c[0], c[32] = (s.a+s.b+first)>>passBits, (s.a-s.b+first)>>passBits
		const shift, half = constBits + passBits, 1 << (constBits + passBits - 1)
		e2, e6 := s.even()
		o1, o3, o5, o7 := d.odd()
		c[16], c[48] = (e2+half)>>shift, (e6+half)>>shift
		c[8], c[24], c[40], c[56] = (o1+half)>>shift, (o3+half)>>shift, (o5+half)>>shift, (o7+half)>>shift
	}
}

// sums are the sums of samples that mirror each other, folded once more; differences are theirs.
type (
	sums        struct{ a, b, c, d int32 } // outer and inner sums, inner and outer differences of sums
	differences struct{ a, b, c, d int32 } // from the innermost pair to the outermost
)

func butterflies(x0, x1, x2, x3, x4, x5, x6, x7 int32) (sums, differences) {
	t0, t1, t2, t3 := x0+x7, x1+x6, x2+x5, x3+x4
	return sums{t0 + t3, t1 + t2, t1 - t2, t0 - t3}, differences{x3 - x4, x2 - x5, x1 - x6, x0 - x7}
}

// even gives coefficients 2 and 6.
func (s sums) even() (e2, e6 int32) {
	z := (s.c + s.d) * f0541
	return z + s.d*f0765, z - s.c*f1847
}

// odd gives the odd coefficients.
func (s differences) odd() (o1, o3, o5, o7 int32) {
	z1, z2, z3, z4 := -(s.a+s.d)*f0899, -(s.b+s.c)*f2562, s.a+s.c, s.b+s.d
	z5 := (z3 + z4) * f1175
	z3, z4 = z5-z3*f1961, z5-z4*f0390
	return s.d*f1501 + z1 + z4, s.c*f3072 + z2 + z3, s.b*f2053 + z2 + z4, s.a*f0298 + z1 + z3
}
