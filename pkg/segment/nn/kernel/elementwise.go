package kernel

// rowOp names an element-wise kernel.
type rowOp uint8

const (
	opAdd rowOp = iota
	opMul
	opSub
	opAct
	opActBack
	opScaleShift
	opCombine
)

// rowTask applies one element-wise kernel to every row of tensors of one shape.
type rowTask struct {
	op        rowOp
	isa       ISA
	dst, a, b Tensor
	hasB      bool
	act       Act
	p, q, r   []float32 // for each channel, padded to whole blocks
	height    int       // rows of an item
	strips    int       // items of a plane
}

var rowTasks pool[rowTask]

// stripPixels is the work of one item, large against the cost of handing it out.
const stripPixels = 4096

func (t *rowTask) run(team *Team) {
	t.isa = Variant()
	t.height = max(1, stripPixels/t.dst.W)
	t.strips = (t.dst.H + t.height - 1) / t.height
	team.Do(t.dst.N*t.dst.Blocks()*t.strips, t)
	t.dst, t.a, t.b = Tensor{}, Tensor{}, Tensor{}
	rowTasks.give(t)
}

func (t *rowTask) Item(item int) {
	plane, strip := item/t.strips, item%t.strips
	n, b := plane/t.dst.Blocks(), plane%t.dst.Blocks()
	args := rowArgs{pixels: int64(t.dst.W), mask: laneMask(t.dst.C - b*Block), alpha: t.act.Alpha, beta: t.act.Beta}
	args.p, args.q, args.r = channelLanes(t.p, b), channelLanes(t.q, b), channelLanes(t.r, b)
	for y := strip * t.height; y < min(t.dst.H, (strip+1)*t.height); y++ {
		args.dst, args.a = pixel(&t.dst, n, b, y, 0), pixel(&t.a, n, b, y, 0)
		if t.hasB {
			args.b = pixel(&t.b, n, b, y, 0)
		}
		t.apply(&args)
	}
}

func (t *rowTask) apply(args *rowArgs) {
	switch t.op {
	case opAct:
		actRow(t.isa, args, t.act)
	case opActBack:
		actBackRow(t.isa, args, t.act)
	default:
		plainRow(t.isa, t.op, args)
		if t.act.Kind != actIdentity {
			args.a = args.dst
			actRow(t.isa, args, t.act)
		}
	}
}

func takeRows(op rowOp, dst, a Tensor) *rowTask {
	requireTensor(&dst)
	requireTensor(&a)
	requireSame(&dst, &a)
	t := rowTasks.take()
	t.op, t.dst, t.a, t.hasB = op, dst, a, false
	t.p, t.q, t.r = t.p[:0], t.q[:0], t.r[:0]
	t.act = Act{}
	return t
}

func (t *rowTask) with(b Tensor) *rowTask {
	requireTensor(&b)
	requireSame(&t.dst, &b)
	t.b, t.hasB = b, true
	return t
}

// AddTo, SubTo and MulTo combine two tensors element by element; dst may be one of them.
func AddTo(dst, a, b Tensor, team *Team) { takeRows(opAdd, dst, a).with(b).run(team) }
func SubTo(dst, a, b Tensor, team *Team) { takeRows(opSub, dst, a).with(b).run(team) }
func MulTo(dst, a, b Tensor, team *Team) { takeRows(opMul, dst, a).with(b).run(team) }

// Activate applies a pointwise function; dst may be src.
func Activate(dst, src Tensor, act Act, team *Team) {
	t := takeRows(opAct, dst, src)
	t.act = act
	t.run(team)
}

// ActivateBackward multiplies the gradient by the output with the derivative, which it finds from the
// output y. HardSwish alone is not invertible: for it y must be the INPUT of the activation. dsrc may
// be ddst or y.
func ActivateBackward(dsrc, ddst, y Tensor, act Act, team *Team) {
	t := takeRows(opActBack, dsrc, ddst).with(y)
	t.act = act
	t.run(team)
}

// ScaleShift computes act(src·scale + shift) with one scale and shift for each channel. A nil scale is
// 1, a nil shift 0. dst may be src.
func ScaleShift(dst, src Tensor, scale, shift []float32, act Act, team *Team) {
	t := takeRows(opScaleShift, dst, src)
	t.p, t.q = padChannels(t.p, scale, src.C, 1), padChannels(t.q, shift, src.C, 0)
	t.act = act
	t.run(team)
}

// Combine computes ka·a + kb·b + kc with constants for each channel: the gradient of a batch norm is
// one. dst may be a or b.
func Combine(dst, a, b Tensor, ka, kb, kc []float32, team *Team) {
	t := takeRows(opCombine, dst, a).with(b)
	t.p, t.q, t.r = padChannels(t.p, ka, a.C, 1), padChannels(t.q, kb, a.C, 1), padChannels(t.r, kc, a.C, 0)
	t.run(team)
}

// padChannels copies a value for each channel into whole blocks; the empty lanes get zero, and nil
// stands for a constant.
func padChannels(buf, v []float32, channels int, constant float32) []float32 {
	if v != nil && len(v) != channels {
		fail("%d values for %d channels", len(v), channels)
	}
	buf = grow(buf, blocksOf(channels)*Block)
	clear(buf)
	if copy(buf, v); v == nil {
		for i := range channels {
			buf[i] = constant
		}
	}
	return buf
}
