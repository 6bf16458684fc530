package kernel

// Epilogue is what follows the sum of a convolution, in this order: bias, residual, activation.
type Epilogue struct {
	Bias []float32 // one for each output channel, or nil
	Add  *Tensor   // added before the activation, or nil; may be the destination itself
	Act  Act
}

// Filter is a convolution with its weights packed for the kernels. It is immutable between Repacks
// and shared between goroutines; it is the same for every variant.
type Filter struct {
	Shape  ConvShape
	sw     *sweep
	packed []float32
}

// Pack makes a filter of weights laid out (Out, In/Groups, KH, KW).
func Pack(s ConvShape, w []float32) *Filter {
	requireShape(s.Validate())
	sw := convSweep(s)
	f := &Filter{Shape: s, sw: sw, packed: make([]float32, sw.floats)}
	f.Repack(w)
	return f
}

// Repack replaces the weights in place, for training.
func (f *Filter) Repack(w []float32) { f.sw.pack(f.packed, f.Shape, w, false) }

// ScratchForward is the floats of scratch that Forward needs with so many threads in its Work: 0 for a
// direct convolution where src's border is wide enough.
func (f *Filter) ScratchForward(dst, src Tensor, threads int) int {
	return f.sw.scratch(&dst, &src, threads)
}

// Forward computes dst from src; their sizes must agree with Shape.OutSize. They must not overlap.
//
// # Memory
//
// Besides the scratch a call uses a few kilobytes that are kept for the next call. The scratch holds at
// most one padded image, or for each thread one chunk of transformed tiles: about winoBytes (384 KiB),
// more only beyond 160 channels, where winoLeast tiles need it.
func (f *Filter) Forward(dst, src Tensor, e Epilogue, w Work) {
	oh, ow := f.Shape.OutSize(src.H, src.W)
	if !(dst.H == oh && dst.W == ow) {
		fail("convolution of %d×%d gives %d×%d, not %d×%d", src.H, src.W, oh, ow, dst.H, dst.W)
	}
	f.sw.run(f.packed, dst, src, e, w)
}

// BackFilter is the gradient of a convolution by its input, with its weights packed.
type BackFilter struct {
	Shape  ConvShape
	sw     *sweep
	packed []float32
}

// PackBackward makes the gradient of a convolution of weights laid out (Out, In/Groups, KH, KW).
func PackBackward(s ConvShape, w []float32) *BackFilter {
	requireShape(s.Validate())
	sw := transposeSweep(s)
	f := &BackFilter{Shape: s, sw: sw, packed: make([]float32, sw.floats)}
	f.Repack(w)
	return f
}

// Repack replaces the weights in place.
func (f *BackFilter) Repack(w []float32) { f.sw.pack(f.packed, f.Shape, w, true) }

// Scratch is the floats of scratch that BackwardData needs.
func (f *BackFilter) Scratch(dsrc, ddst Tensor, threads int) int {
	return f.sw.scratch(&dsrc, &ddst, threads)
}

// BackwardData overwrites dsrc with the gradient by the input, given ddst, the gradient by the output.
func (f *BackFilter) BackwardData(dsrc, ddst Tensor, w Work) {
	oh, ow := f.Shape.OutSize(dsrc.H, dsrc.W)
	if !(ddst.H == oh && ddst.W == ow) {
		fail("convolution of %d×%d gives %d×%d, not %d×%d", dsrc.H, dsrc.W, oh, ow, ddst.H, ddst.W)
	}
	f.sw.run(f.packed, dsrc, ddst, Epilogue{}, w)
}

// TransposeFilter is a transposed convolution with its weights packed.
type TransposeFilter struct {
	Shape  TransposeShape
	sw     *sweep
	packed []float32
}

// PackTranspose makes a filter of weights laid out (In, Out/Groups, KH, KW).
func PackTranspose(s TransposeShape, w []float32) *TransposeFilter {
	requireShape(s.Validate())
	sw := transposeSweep(s.Dual())
	f := &TransposeFilter{Shape: s, sw: sw, packed: make([]float32, sw.floats)}
	f.Repack(w)
	return f
}

// Repack replaces the weights in place.
func (f *TransposeFilter) Repack(w []float32) { f.sw.pack(f.packed, f.Shape.Dual(), w, true) }

// ScratchForward is the floats of scratch that Forward needs.
func (f *TransposeFilter) ScratchForward(dst, src Tensor, threads int) int {
	return f.sw.scratch(&dst, &src, threads)
}

// Forward computes dst from src; their sizes must agree with Shape.OutSize. They must not overlap.
func (f *TransposeFilter) Forward(dst, src Tensor, e Epilogue, w Work) {
	oh, ow := f.Shape.OutSize(src.H, src.W)
	if !(dst.H == oh && dst.W == ow) {
		fail("transposed convolution of %d×%d gives %d×%d, not %d×%d", src.H, src.W, oh, ow, dst.H, dst.W)
	}
	f.sw.run(f.packed, dst, src, e, w)
}

// PackTransposeBackward is the gradient of a transposed convolution by its input: the convolution
// Dual. Call Forward on it, from the gradient by the output to the gradient by the input.
func PackTransposeBackward(s TransposeShape, w []float32) *Filter {
	requireShape(s.Validate())
	return Pack(s.Dual(), w)
}

func requireShape(err error) {
	if err != nil {
		panic("kernel: " + err.Error())
	}
}
