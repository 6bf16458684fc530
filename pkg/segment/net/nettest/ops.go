package nettest

import (
	"math"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// conv adds one tap after another to whole planes, always in the same order: a pixel's sum does not
// depend on where it lies.
func conv(op *net.Conv, in, out Planes) {
	w := op.Weight.Shape
	fill(out, func(c, _, _ int) float64 { return at(op.Bias, c, 0) })
	for k, v := range op.Weight.Data {
		c, i, ky, kx := k/(w[1]*w[2]*w[3]), k/(w[2]*w[3])%w[1], k/w[3]%w[2], k%w[3]
		from := c/(w[0]/op.Groups)*w[1] + i
		for y := range out.H {
			py := y*op.Stride.Y - op.Pad.Top + ky*op.Dilation.Y
			if py >= 0 && py < in.H {
				tap := tap{float64(v), op.Stride.X, kx*op.Dilation.X - op.Pad.Left}
				tap.add(out.Data[(c*out.H+y)*out.W:][:out.W], in.Data[(from*in.H+py)*in.W:][:in.W])
			}
		}
	}
	activate(op.Act, out)
}

// tap is one weight and where in a row it looks.
type tap struct {
	weight         float64
	stride, offset int
}

func (t tap) add(out, in []float64) {
	for x := range out {
		if p := x*t.stride + t.offset; p >= 0 && p < len(in) {
			out[x] += t.weight * in[p]
		}
	}
}

// convTranspose scatters, as the definition does.
func convTranspose(op *net.ConvTranspose, in, out Planes) {
	w := op.Weight.Shape
	fill(out, func(c, _, _ int) float64 { return at(op.Bias, c, 0) })
	perGroup := w[0] / op.Groups
	add := func(c, y, x int, v float64) {
		if y >= 0 && x >= 0 && y < out.H && x < out.W {
			out.Data[(c*out.H+y)*out.W+x] += v
		}
	}
	fill(in, func(i, y, x int) float64 {
		v := in.At(i, y, x, 0)
		for o := range w[1] {
			for ky := range w[2] {
				for kx := range w[3] {
					add(i/perGroup*w[1]+o, y*op.Stride.Y+ky*op.Dilation.Y-op.Pad.Top, x*op.Stride.X+kx*op.Dilation.X-op.Pad.Left,
						v*float64(op.Weight.Data[((i*w[1]+o)*w[2]+ky)*w[3]+kx]))
				}
			}
		}
		return v
	})
	activate(op.Act, out)
}

func batchNorm(op *net.BatchNorm, in, out Planes) {
	fill(out, func(c, y, x int) float64 {
		v := (in.At(c, y, x, 0) - float64(op.Mean.Data[c])) / math.Sqrt(float64(op.Var.Data[c])+float64(op.Epsilon))
		return v*float64(op.Scale.Data[c]) + float64(op.Bias.Data[c])
	})
}

func affine(op *net.Affine, in, out Planes) {
	fill(out, func(c, y, x int) float64 { return in.At(c, y, x, 0)*at(op.Scale, c, 1) + at(op.Bias, c, 0) })
	activate(op.Act, out)
}

// activate works in place.
func activate(a net.Act, p Planes) {
	for i, v := range p.Data {
		p.Data[i] = Activate(a, v)
	}
}

// Activate applies an activation to one value.
func Activate(a net.Act, v float64) float64 {
	alpha, beta := float64(a.Alpha), float64(a.Beta)
	switch a.Kind {
	case net.ReLU:
		return math.Max(0, v)
	case net.LeakyReLU:
		if v < 0 {
			return alpha * v
		}
	case net.Clip:
		return math.Min(math.Max(v, alpha), beta)
	case net.HardSigmoid:
		return math.Min(math.Max(alpha*v+beta, 0), 1)
	case net.HardSwish:
		return v * math.Min(math.Max(v/6+0.5, 0), 1)
	case net.Sigmoid:
		return 1 / (1 + math.Exp(-v))
	}
	return v
}

func pool(op *net.Pool, in, out Planes) {
	fill(out, func(c, y, x int) float64 {
		best, sum, n := math.Inf(-1), 0.0, 0
		for ky := range op.Kernel.Y {
			for kx := range op.Kernel.X {
				py, px := y*op.Stride.Y-op.Pad.Top+ky*op.Dilation.Y, x*op.Stride.X-op.Pad.Left+kx*op.Dilation.X
				inside := py >= 0 && px >= 0 && py < in.H && px < in.W
				if inside {
					v := in.At(c, py, px, 0)
					best, sum = math.Max(best, v), sum+v
				}
				// What hangs over the padding, from rounding up, never counts.
				if inside || op.CountIncludePad && py < in.H+op.Pad.Bottom && px < in.W+op.Pad.Right {
					n++
				}
			}
		}
		if op.Kind == net.MaxPool {
			return best
		}
		return sum / float64(n)
	})
}

func globalAverage(in, out Planes) {
	size := in.H * in.W
	for c := range out.C {
		for _, v := range in.Data[c*size : (c+1)*size] {
			out.Data[c] += v / float64(size)
		}
	}
}

func resize(op *net.Resize, in, out Planes) {
	rows, columns := op.Taps(net.Vertical, in.H, out.H), op.Taps(net.Horizontal, in.W, out.W)
	fill(out, func(c, y, x int) float64 {
		v, h := rows[y], columns[x]
		fy, fx := float64(v.Frac), float64(h.Frac)
		top := (1-fx)*in.At(c, v.Lo, h.Lo, 0) + fx*in.At(c, v.Lo, h.Hi, 0)
		bottom := (1-fx)*in.At(c, v.Hi, h.Lo, 0) + fx*in.At(c, v.Hi, h.Hi, 0)
		return (1-fy)*top + fy*bottom
	})
}

func binary(op *net.Binary, a, b, out Planes) {
	value := func(p Planes, c, y, x int) float64 {
		if p.H == 1 && p.W == 1 {
			return p.At(c, 0, 0, 0)
		}
		return p.At(c, y, x, 0)
	}
	fill(out, func(c, y, x int) float64 {
		u, v := value(a, c, y, x), value(b, c, y, x)
		switch op.Kind {
		case net.Add:
			return u + v
		case net.Sub:
			return u - v
		case net.Mul:
			return u * v
		}
		return u / v
	})
	activate(op.Act, out)
}

func softmax(in, out Planes) {
	for y := range in.H {
		for x := range in.W {
			peak, sum := math.Inf(-1), 0.0
			for c := range in.C {
				peak = math.Max(peak, in.At(c, y, x, 0))
			}
			for c := range in.C {
				e := math.Exp(in.At(c, y, x, 0) - peak)
				out.Set(c, y, x, e)
				sum += e
			}
			for c := range in.C {
				out.Set(c, y, x, out.At(c, y, x, 0)/sum)
			}
		}
	}
}
