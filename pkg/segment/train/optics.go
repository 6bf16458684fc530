package train

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
)

// optics changes focus, resolution and noise, each with its probability.
func (g *augmenter) optics(r *rand.Rand, rgb []uint8) {
	if chance(r, g.Focus) {
		if r.IntN(3) == 0 {
			sharpen(rgb, g.scratch, g.size, 0.2+0.8*r.Float64())
		} else {
			blur(rgb, g.scratch, g.size, g.size, 0.4+0.9*r.Float64())
		}
	}
	if chance(r, g.Resample) {
		resample(rgb, g.scratch, g.size, 0.5+0.45*r.Float64())
	}
	if chance(r, g.Noise) {
		noise(r, rgb, 2+5*r.Float64())
	}
}

// shrinkSigma is the Gaussian that removes what a grid enlarged by scale < 1 cannot hold.
func shrinkSigma(scale float64) float64 { return 0.5 * math.Sqrt(1/(scale*scale)-1) }

// gaussian returns the half of a symmetric kernel in 1/4096, middle first; it sums to 4096.
func gaussian(sigma float64) []int32 {
	radius := max(1, int(math.Ceil(2.5*sigma)))
	weight := make([]float64, radius+1)
	sum := 0.0
	for i := range weight {
		weight[i] = math.Exp(-float64(i*i) / (2 * sigma * sigma))
		sum += weight[i]
		if i > 0 {
			sum += weight[i]
		}
	}
	taps := make([]int32, radius+1)
	rest := int32(4096)
	for i := radius; i > 0; i-- {
		taps[i] = int32(4096*weight[i]/sum + 0.5)
		rest -= 2 * taps[i]
	}
	taps[0] = rest
	return taps
}

// blur is a separable Gaussian over interleaved RGB with repeated border pixels.
func blur(rgb, scratch []uint8, w, h int, sigma float64) {
	if sigma < 0.2 {
		return
	}
	taps := gaussian(sigma)
	line(scratch, rgb, pass{lines: h, lineStep: 3 * w, count: w, step: 3}, taps)
	line(rgb, scratch, pass{lines: w, lineStep: 3, count: h, step: 3 * w}, taps)
}

// pass walks an image along one axis.
type pass struct{ lines, lineStep, count, step int }

func line(dst, src []uint8, p pass, taps []int32) {
	radius := len(taps) - 1
	last := p.count - 1
	for l := range p.lines {
		base := l * p.lineStep
		for i := range p.count {
			at := base + i*p.step
			inside := i >= radius && i <= last-radius
			s0, s1, s2 := taps[0]*int32(src[at]), taps[0]*int32(src[at+1]), taps[0]*int32(src[at+2])
			for t := 1; t <= radius; t++ {
				lo, hi := at-t*p.step, at+t*p.step
				if !inside {
					lo, hi = base+max(i-t, 0)*p.step, base+min(i+t, last)*p.step
				}
				k := taps[t]
				s0 += k * (int32(src[lo]) + int32(src[hi]))
				s1 += k * (int32(src[lo+1]) + int32(src[hi+1]))
				s2 += k * (int32(src[lo+2]) + int32(src[hi+2]))
			}
			dst[at], dst[at+1], dst[at+2] = uint8((s0+2048)>>12), uint8((s1+2048)>>12), uint8((s2+2048)>>12)
		}
	}
}

// sharpen adds amount times what a small blur takes away.
func sharpen(rgb, scratch []uint8, size int, amount float64) {
	soft := append([]uint8(nil), rgb...)
	blur(soft, scratch, size, size, 0.8)
	k := int32(256 * amount)
	for i, v := range rgb {
		rgb[i] = clampByte(int32(v) + (k*(int32(v)-int32(soft[i])))>>8)
	}
}

func clampByte(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// resample shrinks by a factor below 1 and enlarges back: the detail of a coarser scanner.
func resample(rgb, scratch []uint8, size int, factor float64) {
	small := max(8, int(float64(size)*factor))
	blur(rgb, scratch, size, size, shrinkSigma(factor))
	tmp := make([]uint8, 3*small*small)
	stretch(tmp, small, rgb, size)
	stretch(rgb, size, tmp, small)
}

// stretch is bilinear interpolation between two squares.
func stretch(dst []uint8, n int, src []uint8, m int) {
	type tap struct {
		a, b int
		w    int32
	}
	taps := make([]tap, n)
	for i := range taps {
		p := (float64(i)+0.5)*float64(m)/float64(n) - 0.5
		f := math.Floor(p)
		taps[i] = tap{a: max(int(f), 0), b: min(int(f)+1, m-1), w: int32((p - f) * 64)}
	}
	for y, ty := range taps {
		for x, tx := range taps {
			for k := range 3 {
				top := int32(src[3*(ty.a*m+tx.a)+k])*(64-tx.w) + int32(src[3*(ty.a*m+tx.b)+k])*tx.w
				low := int32(src[3*(ty.b*m+tx.a)+k])*(64-tx.w) + int32(src[3*(ty.b*m+tx.b)+k])*tx.w
				dst[3*(y*n+x)+k] = uint8((top*(64-ty.w) + low*ty.w + 2048) >> 12)
			}
		}
	}
}

// noise adds nearly normal noise: the sum of four uniform bytes has σ = 147.8.
func noise(r *rand.Rand, rgb []uint8, sigma float64) {
	k := int32(sigma / 147.8 * 4096)
	for i := 0; i < len(rgb); i += 2 {
		bits := r.Uint64()
		for j := i; j < min(i+2, len(rgb)); j++ {
			sum := int32(bits&255) + int32(bits>>8&255) + int32(bits>>16&255) + int32(bits>>24&255) - 510
			rgb[j] = clampByte(int32(rgb[j]) + (sum*k+2048)>>12)
			bits >>= 32
		}
	}
}

// jpegPass encodes and decodes an image, reusing its buffers.
type jpegPass struct {
	img *image.RGBA
	buf bytes.Buffer
}

// run leaves rgb as a JPEG file of that quality would hold it, chroma halved as by most scanners.
func (j *jpegPass) run(rgb []uint8, size, quality int) {
	if j.img == nil || j.img.Rect.Dx() != size {
		j.img = image.NewRGBA(image.Rect(0, 0, size, size))
	}
	for i, k := 0, 0; i < len(rgb); i, k = i+3, k+4 {
		j.img.Pix[k], j.img.Pix[k+1], j.img.Pix[k+2], j.img.Pix[k+3] = rgb[i], rgb[i+1], rgb[i+2], 255
	}
	j.buf.Reset()
	if err := jpeg.Encode(&j.buf, j.img, &jpeg.Options{Quality: quality}); err != nil {
		panic("encode to memory: " + err.Error()) // a bytes.Buffer and a square RGBA image cannot fail
	}
	img, err := jpeg.Decode(&j.buf)
	if err != nil {
		panic("decode our own JPEG: " + err.Error())
	}
	pix, _, _ := rgbBytes(img)
	copy(rgb, pix)
}
