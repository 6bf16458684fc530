package nn

import (
	"fmt"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// dims is the logical size of an activation.
type dims struct{ n, c, h, w int }

// act is an activation as Gorgonia sees it: a five-dimensional float32 value, images × channel
// blocks × height × width × 16. Where its floats lie is decided by the arena's plan; until then
// view is empty.
type act struct {
	dims
	shape  tensor.Shape
	border int // zero pixels that readers want on each side
	store  *storage
	first  int  // channel of the storage at which this activation starts
	life   life // of this activation alone
	view   kernel.Tensor
	lent   bool // it lies nowhere: its reader asks for it row by row
}

var _ gorgonia.Value = (*act)(nil)

// newAct makes an activation with a storage of its own.
func newAct(d dims) *act {
	a := &act{dims: d, shape: d.shape(), life: unborn}
	a.store = &storage{dims: d, life: unborn, parts: []*act{a}}
	return a
}

// shape is the shape of the value in Gorgonia's graph, borders left out.
func (d dims) shape() tensor.Shape {
	return tensor.Shape{d.n, d.blocks(), d.h, d.w, kernel.Block}
}

// blocks is the number of channel blocks.
func (d dims) blocks() int { return (d.c + kernel.Block - 1) / kernel.Block }

// size is the shape without the batch, as a person writes it.
func (d dims) String() string { return fmt.Sprintf("%d×%d×%d×%d", d.n, d.c, d.h, d.w) }

// check refuses sizes that are empty or whose floats do not fit an int32 index.
func (d dims) check() error {
	if d.n < 1 || d.c < 1 || d.h < 1 || d.w < 1 {
		return fmt.Errorf("activation %v is empty: the input is too small for this network", d)
	}
	const limit = 1 << 20
	if d.n > limit || d.c > limit || d.h > limit || d.w > limit {
		return fmt.Errorf("activation %v is too large: at most %d along each dimension", d, limit)
	}
	if int64(d.n)*int64(d.c+kernel.Block) > limit || int64(d.h)*int64(d.w) > limit*limit/4 {
		return fmt.Errorf("activation %v is too large", d)
	}
	return nil
}

// Shape is images × channel blocks × height × width × 16.
func (a *act) Shape() tensor.Shape { return a.shape }

// Size is the number of elements, with the empty lanes of the last block.
func (a *act) Size() int { return a.shape.TotalSize() }

// Data is the whole arena: Gorgonia's own operators never see an act.
func (a *act) Data() any { return a.view.Data }

// Dtype is always Float32.
func (a *act) Dtype() tensor.Dtype { return tensor.Float32 }

// Uintptr is the address of the first float, for Gorgonia's pointer watch.
func (a *act) Uintptr() uintptr {
	if len(a.view.Data) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&a.view.Data[a.view.Off]))
}

// MemSize is the size in bytes without borders.
func (a *act) MemSize() uintptr { return uintptr(a.Size()) * 4 }

// Format writes the size only: activations are too large to print.
func (a *act) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "activation %v", a.dims) }
