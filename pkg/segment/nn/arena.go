package nn

import (
	"math"

	"gorgonia.org/gorgonia"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// life is the first and the last step in which something is alive; before the first step is -1.
type life struct{ start, end int }

// unborn is the life of what no step has touched yet.
var unborn = life{start: math.MaxInt, end: math.MinInt}

// touch makes a life reach to a step.
func (l *life) touch(i int) { l.start, l.end = min(l.start, i), max(l.end, i) }

// join makes a life reach over another one.
func (l *life) join(o life) { l.start, l.end = min(l.start, o.start), max(l.end, o.end) }

// meets reports whether two are alive in the same step.
func (l life) meets(o life) bool { return l.start <= o.end && o.start <= l.end }

// storage is the memory of one or several activations: a concatenation and its parts share one.
type storage struct {
	dims
	life         // from the first of its parts to the last
	parts []*act // the activations that lie in it
	off   int    // first float in the arena
}

// What a task may tell the planner, each optional.
type (
	// bordered wants zero pixels around input i.
	bordered interface{ border(i int) int }
	// aliasing returns its first input's memory, from a channel on: it computes nothing.
	aliasing interface{ aliases() (channel int) }
	// joining is a concatenation: inputs may be written straight into the output.
	joining interface{ joins() }
	// overwriting may write its output over one of these inputs, element by element.
	overwriting interface{ overwrites() []int }
	// scratching needs floats of scratch while it runs.
	scratching interface {
		scratch(g *graph, out gorgonia.Value, in []gorgonia.Value) int
	}
)

// plan gives every recorded activation its place. The order of the passes matters: aliases and
// concatenations share memory first, because they save a copy; writing in place only saves space.
func (g *graph) plan(limit int64) error {
	g.touchAll()
	for i, s := range g.steps {
		g.shareStep(i, s)
	}
	for i, s := range g.steps {
		overwriteStep(i, s)
	}
	floats, err := place(g.storages(), limit)
	if err != nil {
		return err
	}
	g.arena = make([]float32, floats)
	for _, st := range g.storages() {
		st.lay(g.arena)
	}
	g.growScratch()
	return nil
}

// touchAll notes the steps in which each storage is alive and the borders its readers want.
func (g *graph) touchAll() {
	for _, a := range g.inputs {
		a.touch(-1)
	}
	for i, s := range g.steps {
		b, _ := s.op.task.(bordered)
		for j, v := range s.in {
			if a, ok := v.(*act); ok {
				a.touch(i)
				if b != nil {
					a.border = max(a.border, b.border(j))
				}
			}
		}
		if a, ok := s.op.out.(*act); ok {
			a.touch(i)
		}
	}
	for _, a := range g.outputs {
		a.touch(len(g.steps))
	}
}

func (a *act) touch(i int) {
	a.life.touch(i)
	a.store.touch(i)
}

// shareStep lets an aliasing or joining step share the memory of its inputs.
func (g *graph) shareStep(_ int, s step) {
	out, ok := s.op.out.(*act)
	if !ok {
		return
	}
	if t, ok := s.op.task.(aliasing); ok {
		in := s.in[0].(*act)
		if c := in.first + t.aliases(); c%kernel.Block == 0 && out.owns() {
			in.store.absorb(out, c)
		}
	}
	if _, ok := s.op.task.(joining); ok {
		channel := 0
		for j, v := range s.in {
			in := v.(*act)
			if wholeBlocks(channel, in.c, j == len(s.in)-1) && in.owns() && in.store != out.store {
				out.store.absorb(in, out.first+channel)
			}
			channel += in.c
		}
	}
}

// overwriteStep lets a step write over an input that nobody reads later.
func overwriteStep(i int, s step) {
	out, ok := s.op.out.(*act)
	t, may := s.op.task.(overwriting)
	if !ok || !may || !out.owns() {
		return
	}
	for _, j := range t.overwrites() {
		if j >= len(s.in) {
			continue
		}
		in := s.in[j].(*act)
		if in.store.end == i && in.dims == out.dims && out.store.start == i && s.readsOnce(in.store) {
			in.store.absorb(out, in.first)
			return
		}
	}
}

// readsOnce reports whether only one input of the step lies in a storage.
func (s step) readsOnce(st *storage) bool {
	count := 0
	for _, v := range s.in {
		if a, ok := v.(*act); ok && a.store == st {
			count++
		}
	}
	return count == 1
}

// owns reports whether the activation has its storage to itself, or fills it from the start with
// its parts inside: then the storage can move as a whole.
func (a *act) owns() bool { return a.first == 0 && a.store.dims == a.dims }

// absorb moves the storage of a, which a owns, into s at a channel.
func (s *storage) absorb(a *act, channel int) {
	if a.store == s {
		return
	}
	s.join(a.store.life)
	for _, p := range a.store.parts {
		p.store = s
		p.first += channel
		s.parts = append(s.parts, p)
	}
}

// border is the widest border that a reader of any part wants.
func (s *storage) border() int {
	b := 0
	for _, p := range s.parts {
		b = max(b, p.border)
	}
	return b
}

func (s *storage) floats() int { return kernel.Floats(s.n, s.c, s.h, s.w, s.border()) }

// lay computes the views of the parts. Borders are cleared by the operators at each run, because
// the memory is shared with activations of other sizes.
func (s *storage) lay(arena []float32) {
	whole := kernel.New(arena[s.off:s.off+s.floats()], s.n, s.c, s.h, s.w, s.border())
	for _, p := range s.parts {
		p.view = whole.Channels(p.first, p.c)
	}
}

// storages lists every storage once, in the order of the steps.
func (g *graph) storages() []*storage {
	var list []*storage
	seen := map[*storage]bool{}
	add := func(v gorgonia.Value) {
		if a, ok := v.(*act); ok && !a.lent && !seen[a.store] {
			seen[a.store] = true
			list = append(list, a.store)
		}
	}
	for _, a := range g.inputs {
		add(a)
	}
	for _, s := range g.steps {
		add(s.op.out)
	}
	return list
}

// growScratch allocates the scratch of the hungriest step.
func (g *graph) growScratch() {
	need := 0
	for _, s := range g.steps {
		if t, ok := s.op.task.(scratching); ok {
			need = max(need, t.scratch(g, s.op.out, s.in))
		}
	}
	g.scratch = make([]float32, need)
}

// clearBorder zeroes the border of a fresh result; an aliasing task has written nothing.
func (a *act) clearBorder(t task) {
	if _, ok := t.(aliasing); ok && a.view.Border > 0 {
		return
	}
	if a.view.Border > 0 {
		kernel.ClearBorder(a.view)
	}
}
