package kernel

import (
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Act is a pointwise activation with its parameters.
type Act = net.Act

// ConvShape is the geometry of a convolution (cross-correlation, zero padded), without the size of
// the image. It is comparable: two convolutions of one shape run the same code in the same order.
type ConvShape struct {
	In, Out                int // channels
	KH, KW, SH, SW, DH, DW int // kernel, stride and dilation, at least 1
	PadT, PadL, PadB, PadR int
	Groups                 int // In == Out == Groups is depthwise
	// Tile chooses the algorithm: 0 is direct; 2 and 4 are Winograd's minimal filtering on a grid of
	// so many results in each direction, for 3×3 kernels of stride and dilation 1 without groups. See
	// Fast, and Align for what it asks of regions.
	Tile int
}

const (
	maxExtent = 1 << 20 // of each extent, so that products stay far from overflow
	maxTaps   = 1 << 20 // KH·KW
	maxPhases = 1 << 12 // SH·SW: a transposed convolution has so many phases
)

// Validate says what is wrong with a shape.
func (s ConvShape) Validate() error {
	for _, v := range []int{s.In, s.Out, s.KH, s.KW, s.SH, s.SW, s.DH, s.DW, s.Groups} {
		if v < 1 || v > maxExtent {
			return fmt.Errorf("convolution %+v: channels, kernel, stride, dilation and groups must lie in 1..%d", s, maxExtent)
		}
	}
	for _, v := range []int{s.PadT, s.PadL, s.PadB, s.PadR} {
		if v < 0 || v > maxExtent {
			return fmt.Errorf("convolution %+v: padding must lie in 0..%d", s, maxExtent)
		}
	}
	if s.KH*s.KW > maxTaps || s.SH*s.SW > maxPhases {
		return fmt.Errorf("convolution %+v: at most %d taps and a stride of %d pixels in all", s, maxTaps, maxPhases)
	}
	if s.In%s.Groups != 0 || s.Out%s.Groups != 0 {
		return fmt.Errorf("convolution %+v: channels are not divisible by the groups", s)
	}
	if s.Tile != 0 && (s.Tile != 2 && s.Tile != 4 || !s.tileable()) {
		return fmt.Errorf("convolution %+v: tiles of 2 or 4 need a 3×3 kernel, stride and dilation 1 and one group", s)
	}
	return nil
}

func (s ConvShape) tileable() bool {
	return s.KH == 3 && s.KW == 3 && s.SH == 1 && s.SW == 1 && s.DH == 1 && s.DW == 1 && s.Groups == 1
}

// Fast is the shape with the greatest tile up to most (0, 2 or 4) that pays for its channels, as
// measured: transforms cost as much as they save where channels are few. It depends on the shape alone.
// A result depends on the bits of all source pixels of its tile, so greater tiles ask for wider halos
// around regions.
func (s ConvShape) Fast(most int) ConvShape {
	s.Tile = 0
	channels := min(s.In, s.Out)
	switch {
	case !s.tileable():
	case most >= 4 && channels >= Block:
		s.Tile = 4
	case most >= 2 && channels >= 2*Block:
		s.Tile = 2
	}
	return s
}

// OutSize is the size of the result for an input of h×w; not positive where the kernel does not fit.
func (s ConvShape) OutSize(h, w int) (oh, ow int) {
	return outSize(h+s.PadT+s.PadB, s.KH, s.SH, s.DH), outSize(w+s.PadL+s.PadR, s.KW, s.SW, s.DW)
}

func outSize(padded, k, stride, dilation int) int {
	room := padded - (k-1)*dilation - 1
	if room < 0 {
		return 0
	}
	return room/stride + 1
}

// FLOPs counts two operations for each multiply-add of the direct algorithm on an h×w input.
func (s ConvShape) FLOPs(h, w int) int64 {
	oh, ow := s.OutSize(h, w)
	return 2 * int64(oh) * int64(ow) * int64(s.Out) * int64(s.WeightsPerOutput())
}

// WeightsPerOutput is the number of weights that meet in one output element.
func (s ConvShape) WeightsPerOutput() int { return s.In / s.Groups * s.KH * s.KW }

// Weights is the number of weights, laid out (Out, In/Groups, KH, KW).
func (s ConvShape) Weights() int { return s.Out * s.WeightsPerOutput() }

// Align is the multiple of output pixels at which a region must begin and end, so that stitched regions
// agree to the bit with the whole: 1 for direct convolutions, which treat each pixel alike.
func (s ConvShape) Align() int { return max(s.Tile, 1) }

func (s ConvShape) depthwise() bool { return s.Groups > 1 && s.In == s.Groups && s.Out == s.Groups }

// TransposeShape is the geometry of a transposed convolution as ONNX defines it: the adjoint of the
// convolution Dual. Its weights lie (In, Out/Groups, KH, KW), which is how Dual's lie.
type TransposeShape struct {
	In, Out                int
	KH, KW, SH, SW, DH, DW int
	PadT, PadL, PadB, PadR int
	OutPadY, OutPadX       int // rows and columns added below and right
	Groups                 int
}

// Dual is the convolution from the result's channels back to the input's.
func (s TransposeShape) Dual() ConvShape {
	return ConvShape{
		In: s.Out, Out: s.In, KH: s.KH, KW: s.KW, SH: s.SH, SW: s.SW, DH: s.DH, DW: s.DW,
		PadT: s.PadT, PadL: s.PadL, PadB: s.PadB, PadR: s.PadR, Groups: s.Groups,
	}
}

// Validate says what is wrong with a shape.
func (s TransposeShape) Validate() error {
	if err := s.Dual().Validate(); err != nil {
		return fmt.Errorf("transposed %w", err)
	}
	if s.OutPadY < 0 || s.OutPadX < 0 || s.OutPadY > maxExtent || s.OutPadX > maxExtent {
		return errors.New("transposed convolution: output padding out of range")
	}
	return nil
}

// OutSize is the size of the result for an input of h×w.
func (s TransposeShape) OutSize(h, w int) (oh, ow int) {
	oh = (h-1)*s.SH + (s.KH-1)*s.DH + 1 - s.PadT - s.PadB + s.OutPadY
	ow = (w-1)*s.SW + (s.KW-1)*s.DW + 1 - s.PadL - s.PadR + s.OutPadX
	return max(oh, 0), max(ow, 0)
}

// FLOPs counts two operations for each multiply-add on an h×w input, borders included.
func (s TransposeShape) FLOPs(h, w int) int64 {
	return 2 * int64(h) * int64(w) * int64(s.In) * int64(s.Out/s.Groups*s.KH*s.KW)
}
