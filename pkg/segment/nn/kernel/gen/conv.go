package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of tileArgs.
const (
	tileSrc = 8 * iota
	tileW
	tileDst
	tileBias
	tileAdd
	tileTaps
	tileTapCount
	tileWhole
	tileLast
	tileSrcBlock
	tileSrcPixel
	tileDstPixel
	tileDstBlock
	tileAddPixel
	tileAddBlock
	tilePixels
	tileRepeat
	tileLanes
	tileLo
	tileHi = tileLo + 4
)

// tile is a convolution kernel for a number of pixels. The sums stay in registers from the bias to the
// result; each weight vector is loaded once for all pixels, each source channel is broadcast.
type tile struct {
	v              isa
	step           int // source pixels from one result to the next, 0 for any
	blocks, pixels int
	a              args
	tag            string
	src, x, w      reg.GPVirtual
	step1, step3   reg.GPVirtual // byte step and its triple, where step is 0
	lanes          int           // offset of the field with the bytes of one channel's weights
	now            moving
}

// widest is the number of pixels whose sums fit the registers, or as many as it takes to keep the units
// busy: strided tiles are rare, and each width is code of its own.
func widest(v isa, step, blocks int) int {
	switch {
	case step == 0:
		return 5
	case !v.wide():
		return 6
	case step == 2:
		return 16 / blocks
	}
	return 28 / blocks
}

// moving are the pointers of the current tile, kept in the frame: the record of arguments must never
// hold a pointer beyond its object.
type moving struct{ src, dst, add, left Mem }

func newMoving() moving {
	m := AllocLocal(32)
	return moving{m, m.Offset(8), m.Offset(16), m.Offset(24)}
}

// tiles repeats a tile along the row.
func (t *tile) tiles(body func()) {
	r := GP64()
	for _, move := range []struct {
		field int
		to    Mem
	}{{tileSrc, t.now.src}, {tileDst, t.now.dst}, {tileAdd, t.now.add}, {tileRepeat, t.now.left}} {
		MOVQ(t.a.mem(move.field), r)
		MOVQ(r, move.to)
	}
	Label(t.tag)
	body()
	if t.step == 0 {
		IMUL3Q(U8(t.pixels), t.a.get(tileSrcPixel), r)
		ADDQ(r, t.now.src)
	} else {
		ADDQ(U32(t.pixels*t.step*pixelBytes), t.now.src)
	}
	DECQ(t.now.left)
	JNZ(LabelRef(t.tag))
	end()
}

// load loads a moving pointer.
func load64(m Mem) reg.GPVirtual {
	r := GP64()
	MOVQ(m, r)
	return r
}

func convKernels(v isa) {
	for _, step := range []int{1, 2, 0} {
		for blocks := 1; blocks <= 2/v.halves; blocks++ {
			convKernel(v, step, blocks)
		}
	}
}

func convKernel(v isa, step, blocks int) {
	a := v.begin(name("convStep%dBlocks%dAVX", step, blocks), name("computes a tile for %d blocks of output channels; source pixels lie %d apart (0: any).", blocks, step))
	most := widest(v, step, blocks)
	now := newMoving()
	choose(a.get(tilePixels), most, func(p int) string { return name("start%d", p) })
	for p := most; p >= 1; p-- {
		Label(name("start%d", p))
		t := &tile{v: v, step: step, blocks: blocks, pixels: p, a: a, tag: name("p%d", p), lanes: tileLanes, now: now}
		t.tiles(func() {
			t.sum()
			t.finish()
		})
	}
}

// acc is the register of a pixel, a block and a half.
func (t *tile) acc(p, b, h int) reg.VecPhysical {
	return t.v.vec((p*t.blocks+b)*t.v.halves + h)
}

// spare are the registers behind the sums.
func (t *tile) spare(i int) reg.VecPhysical {
	return t.v.vec(t.pixels*t.blocks*t.v.halves + i)
}

func (t *tile) each(do func(p, b, h int)) {
	for p := range t.pixels {
		for b := range t.blocks {
			for h := range t.v.halves {
				do(p, b, h)
			}
		}
	}
}

// sum adds source block by source block, tap by tap, channel by channel.
func (t *tile) sum() {
	t.bias()
	t.src, t.w = load64(t.now.src), t.a.get(tileW)
	t.steps()
	blocks, channels := t.a.get(tileWhole), GP64()
	Label(t.tag + "block")
	MOVQ(U32(16), channels)
	TESTQ(blocks, blocks)
	JNZ(LabelRef(t.tag + "taps"))
	MOVQ(t.a.mem(tileLast), channels)
	Label(t.tag + "taps")
	t.overTaps(channels)
	ADDQ(t.a.mem(tileSrcBlock), t.src)
	SUBQ(Imm(1), blocks)
	JGE(LabelRef(t.tag + "block"))
	Label(t.tag + "done")
}

// bias starts the sums; without taps they are the result.
func (t *tile) bias() {
	bias := t.a.get(tileBias)
	t.each(func(p, b, h int) {
		VMOVUPS(at(bias, b*pixelBytes+h*t.v.bytes()), t.acc(p, b, h))
	})
	CMPQ(t.a.mem(tileTapCount), Imm(0))
	JE(LabelRef(t.tag + "done"))
}

func (t *tile) steps() {
	if t.step != 0 {
		return
	}
	t.step1, t.step3 = t.a.get(tileSrcPixel), GP64()
	LEAQ(Mem{Base: t.step1, Index: t.step1, Scale: 2}, t.step3)
}

func (t *tile) overTaps(channels reg.GPVirtual) {
	taps, n := t.a.get(tileTaps), t.a.get(tileTapCount)
	t.x = GP64()
	countdown(t.tag+"tap", n, func() {
		MOVQ(at(taps, 0), t.x)
		ADDQ(Imm(8), taps)
		LEAQ(Mem{Base: t.src, Index: t.x, Scale: 1, Disp: t.center() * pixelBytes * t.step}, t.x)
		c := GP64()
		MOVQ(channels, c)
		countdown(t.tag+"channel", c, t.channel)
	})
}

// center is the pixel that x points to: displacements to both sides of it fit one byte.
func (t *tile) center() int { return t.pixels / 2 }

// pixel is the source channel of pixel p.
func (t *tile) pixel(p int) Mem {
	if t.step != 0 {
		return at(t.x, (p-t.center())*pixelBytes*t.step)
	}
	m := at(t.x, 0)
	if p > 0 {
		m.Index, m.Scale = t.step1, uint8(p)
	}
	if p == 3 {
		m.Index, m.Scale = t.step3, 1
	}
	return m
}

// channel adds one source channel to all sums.
func (t *tile) channel() {
	for b := range t.blocks {
		for h := range t.v.halves {
			VMOVUPS(at(t.w, b*pixelBytes+h*t.v.bytes()), t.spare(b*t.v.halves+h))
		}
	}
	ADDQ(t.a.mem(t.lanes), t.w)
	for p := range t.pixels {
		if t.v.wide() {
			t.broadcastWide(p)
		} else {
			t.broadcast(p)
		}
	}
	ADDQ(Imm(4), t.x)
}

// broadcastWide adds one pixel. For two blocks the broadcast is an instruction of its own: it is loaded
// once for both, and loads, not multiply-adds, are what the units run out of first.
func (t *tile) broadcastWide(p int) {
	if t.blocks == 1 {
		VFMADD231PS_BCST(t.pixel(p), t.spare(0), t.acc(p, 0, 0))
		return
	}
	x := t.spare(2 + p%min(4, 30-t.pixels*2))
	VBROADCASTSS(t.pixel(p), x)
	for b := range t.blocks {
		VFMADD231PS(t.spare(b), x, t.acc(p, b, 0))
	}
}

func (t *tile) broadcast(p int) {
	x := t.spare(2 + p%2)
	VBROADCASTSS(t.pixel(p), x)
	for h := range 2 {
		VFMADD231PS(t.spare(h), x, t.acc(p, 0, h))
	}
}

// finish adds the residual, clamps and stores.
func (t *tile) finish() {
	t.residual()
	lo, hi := t.spare(0), t.spare(1)
	VBROADCASTSS(t.a.mem(tileLo), lo)
	VBROADCASTSS(t.a.mem(tileHi), hi)
	dst, pixel, block := load64(t.now.dst), t.a.get(tileDstPixel), t.a.get(tileDstBlock)
	t.each(func(p, b, h int) {
		r := t.acc(p, b, h)
		VMAXPS(r, lo, r)
		VMINPS(r, hi, r)
		VMOVUPS(r, t.result(dst, block, b, h))
		if b == t.blocks-1 && h == t.v.halves-1 {
			ADDQ(pixel, dst)
		}
	})
	MOVQ(dst, t.now.dst)
}

func (t *tile) residual() {
	add, pixel, block := load64(t.now.add), t.a.get(tileAddPixel), t.a.get(tileAddBlock)
	TESTQ(add, add)
	JE(LabelRef(t.tag + "clamp"))
	t.each(func(p, b, h int) {
		VADDPS(t.result(add, block, b, h), t.acc(p, b, h), t.acc(p, b, h))
		if b == t.blocks-1 && h == t.v.halves-1 {
			ADDQ(pixel, add)
		}
	})
	MOVQ(add, t.now.add)
	Label(t.tag + "clamp")
}

// result is the place of a vector of the current pixel in a destination or residual.
func (t *tile) result(base, block reg.GPVirtual, b, h int) Mem {
	m := at(base, h*t.v.bytes())
	if b > 0 {
		m.Index, m.Scale = block, 1
	}
	return m
}

// depthKernels are convolutions of each channel with itself: one multiply-add for each tap.
func depthKernels(v isa) {
	for _, step := range []int{1, 2, 0} {
		a := v.begin(name("depthStep%dAVX", step), name("computes a tile of a depthwise convolution; source pixels lie %d apart (0: any).", step))
		most := widest(v, step, 2)
		now := newMoving()
		choose(a.get(tilePixels), most, func(p int) string { return name("start%d", p) })
		for p := most; p >= 1; p-- {
			Label(name("start%d", p))
			t := &tile{v: v, step: step, blocks: 1, pixels: p, a: a, tag: name("p%d", p), now: now}
			t.tiles(func() {
				t.depthSum()
				t.finish()
			})
		}
	}
}

func (t *tile) depthSum() {
	t.bias()
	t.src, t.w, t.x = load64(t.now.src), t.a.get(tileW), GP64()
	t.steps()
	taps, n := t.a.get(tileTaps), t.a.get(tileTapCount)
	countdown(t.tag+"tap", n, func() {
		MOVQ(at(taps, 0), t.x)
		ADDQ(Imm(8), taps)
		LEAQ(Mem{Base: t.src, Index: t.x, Scale: 1, Disp: t.center() * pixelBytes * t.step}, t.x)
		for h := range t.v.halves {
			VMOVUPS(at(t.w, h*t.v.bytes()), t.spare(h))
		}
		ADDQ(Imm(pixelBytes), t.w)
		t.each(func(p, _, h int) {
			x := t.pixel(p)
			x.Disp += h * t.v.bytes()
			VFMADD231PS(x, t.spare(h), t.acc(p, 0, h))
		})
	})
	Label(t.tag + "done")
}
