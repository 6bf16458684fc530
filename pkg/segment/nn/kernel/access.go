package kernel

import (
	"unsafe"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

const (
	actIdentity    = net.Identity
	actReLU        = net.ReLU
	actLeakyReLU   = net.LeakyReLU
	actClip        = net.Clip
	actHardSigmoid = net.HardSigmoid
	actHardSwish   = net.HardSwish
	actSigmoid     = net.Sigmoid
)

// pixel is the address of the first lane of a pixel, which must lie inside the plane.
func pixel(t *Tensor, n, block, y, x int) unsafe.Pointer {
	return unsafe.Pointer(&t.Data[t.Off+n*t.ImageStride+block*t.BlockStride+y*t.RowStride+x*Block])
}

// requireTensor checks that a view with its border lies within its data, so that no kernel can read
// beyond it.
func requireTensor(t *Tensor) {
	if !(t.N >= 1 && t.C >= 1 && t.H >= 1 && t.W >= 1 && t.Border >= 0) {
		fail("empty tensor %d×%d×%d×%d", t.N, t.C, t.H, t.W)
	}
	if !(t.RowStride >= t.W*Block && t.BlockStride >= 0 && t.ImageStride >= 0) {
		fail("strides of tensor %d×%d×%d×%d", t.N, t.C, t.H, t.W)
	}
	b := t.Border
	first := t.Off - b*t.RowStride - b*Block
	last := t.Off + (t.N-1)*t.ImageStride + (t.Blocks()-1)*t.BlockStride + (t.H-1+b)*t.RowStride + (t.W+b)*Block
	if !(first >= 0 && last <= len(t.Data)) {
		fail("tensor %d×%d×%d×%d exceeds its %d floats", t.N, t.C, t.H, t.W, len(t.Data))
	}
}

func requireSame(a, b *Tensor) {
	if a.N != b.N || a.C != b.C || a.H != b.H || a.W != b.W {
		fail("tensors differ: %d×%d×%d×%d and %d×%d×%d×%d", a.N, a.C, a.H, a.W, b.N, b.C, b.H, b.W)
	}
}

// grow gives a slice of n elements, reusing s where it is long enough.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// laneMasks[n] keeps the first n lanes.
var laneMasks = func() (m [Block + 1][Block]uint32) {
	for n := range m {
		for lane := range n {
			m[n][lane] = 1<<32 - 1
		}
	}
	return m
}()

// laneMask keeps the lanes of a block that have a channel, of the channels from its first on.
func laneMask(channels int) unsafe.Pointer { return unsafe.Pointer(&laneMasks[min(channels, Block)]) }

// lanes views 16 floats at an offset in bytes.
func lanes(p unsafe.Pointer, offset int64) *[Block]float32 {
	return (*[Block]float32)(unsafe.Add(p, offset))
}

// channelLanes is the address of a block's parameters, or nil where there are none.
func channelLanes(v []float32, block int) unsafe.Pointer {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Pointer(&v[block*Block])
}
