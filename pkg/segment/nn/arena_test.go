package nn

import (
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// TestConcatCostsNoCopy: where channels are whole blocks, every part of a concatenation is written
// where it belongs.
func TestConcatCostsNoCopy(t *testing.T) {
	n := net.UNet(net.UNetConfig{Name: "u-net", Classes: 3, Channels: []int{16, 32, 64}, Seed: 1})
	nw := mustNetwork(t, mustEngine(t, n, 1), 32, 32)
	joined := 0
	for _, s := range nw.g.steps {
		if _, ok := s.op.task.(*concatTask); !ok {
			continue
		}
		for i, v := range s.in {
			if v.(*act).store != s.op.out.(*act).store {
				t.Errorf("%v copies its input %d", s.op, i)
			}
			joined++
		}
	}
	if joined != 4 {
		t.Errorf("%d parts of concatenations, want 4", joined)
	}
}

// TestArenaHoldsWhatIsAlive: no two activations that are alive in the same step overlap, unless they share a storage.
func TestArenaHoldsWhatIsAlive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []*storage
		var acts []*act
		for range rapid.IntRange(1, 30).Draw(t, "storages") {
			a := drawAct(t, dims{rapid.IntRange(1, 2).Draw(t, "n"), rapid.IntRange(1, 60).Draw(t, "c"), rapid.IntRange(1, 9).Draw(t, "h"), rapid.IntRange(1, 9).Draw(t, "w")})
			list, acts = append(list, a.store), append(acts, a)
			for first := 0; first < a.c && rapid.Bool().Draw(t, "parts"); first += kernel.Block { // as a concatenation has
				p := drawAct(t, dims{a.n, min(kernel.Block, a.c-first), a.h, a.w})
				a.store.absorb(p, first)
				acts = append(acts, p)
			}
		}
		total, err := place(list, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range acts {
			from, to := reach(a)
			if from < 0 || to > total {
				t.Fatalf("activation %d lies at %d..%d of %d", i, from, to, total)
			}
			for _, b := range acts[:i] {
				if start, end := reach(b); a.store != b.store && from < end && start < to && a.life.meets(b.life) {
					t.Fatalf("two alive at once overlap: %+v and %+v", a, b)
				}
			}
		}
	})
}

func drawAct(t *rapid.T, d dims) *act {
	a := newAct(d)
	a.border = rapid.IntRange(0, 2).Draw(t, "border")
	start := rapid.IntRange(0, 20).Draw(t, "start")
	a.touch(start)
	a.touch(start + rapid.IntRange(0, 10).Draw(t, "steps"))
	return a
}

// reach is where an activation lies, with its border and what a batch has between its images.
func reach(a *act) (from, to int) {
	whole := kernel.New(nil, a.store.n, a.store.c, a.store.h, a.store.w, a.store.border())
	from = a.store.off + a.first/kernel.Block*whole.BlockStride
	return from, from + (a.n-1)*whole.ImageStride + a.blocks()*whole.BlockStride
}

// TestConcatLendsMemory: the half of a concatenation that is written late serves the steps between. Of this U-Net's
// activations, at the end of its top level are alive the concatenation and what is made of it, and that is all it needs.
func TestConcatLendsMemory(t *testing.T) {
	n := net.UNet(net.UNetConfig{Name: "u-net", Classes: 3, Channels: []int{32, 48, 96}, Seed: 1})
	nw := mustNetwork(t, mustEngine(t, n, 1), 64, 64)
	var joined, made int64
	for _, s := range nw.g.steps {
		if v, ok := s.op.out.(*act); ok && v.h == 64 {
			if _, ok := s.op.task.(*concatTask); ok {
				joined = 4 * int64(v.store.floats())
			} else if joined > 0 && made == 0 {
				made = 4 * int64(v.store.floats())
			}
		}
	}
	const gaps = 4 * 64 << 3
	if got := nw.ArenaBytes() - 4*int64(len(nw.g.scratch)); joined == 0 || got > joined+made+gaps {
		t.Errorf("arena of %d bytes, the concatenation takes %d and what is made of it %d", got, joined, made)
	}
}

// TestArenaTooLarge: what cannot be is refused before it is added up.
func TestArenaTooLarge(t *testing.T) {
	for name, limit := range map[string]int64{"one": 1 << 10, "all": 3 << 10} {
		a, b := newAct(dims{1, 16, 4, 8}), newAct(dims{1, 16, 4, 8})
		for _, a := range []*act{a, b} {
			a.touch(0)
		}
		if _, err := place([]*storage{a.store, b.store}, limit); err == nil || !strings.Contains(err.Error(), "smaller regions") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestArenaReuses: the arena of a deep chain is far below the sum of its activations.
func TestArenaReuses(t *testing.T) {
	b := net.NewBuilder("chain", 16, 1)
	x := 0
	for range 12 {
		x = b.Conv("c", x, net.ConvConfig{Out: 16, Kernel: 3})
	}
	nw := mustNetwork(t, mustEngine(t, b.Done(x), 1), 64, 64)
	one := int64(16*66*66) * 4
	if got := nw.ArenaBytes(); got > one*5/2 {
		t.Errorf("arena of %d bytes for a chain whose activations take %d each", got, one)
	}
}

// TestOverwritesOnlyTheDead: a residual that is read again later must survive.
func TestOverwritesOnlyTheDead(t *testing.T) {
	b := net.NewBuilder("residual", 16, 1)
	first := b.Conv("a", 0, net.ConvConfig{Out: 16, Kernel: 3, Bias: true})
	second := b.Add("b", &net.Binary{}, first, b.Conv("b", first, net.ConvConfig{Out: 16, Kernel: 3}))
	third := b.Add("c", &net.Binary{}, second, b.Conv("c", second, net.ConvConfig{Out: 16, Kernel: 1}))
	last := b.Add("d", &net.Activation{Act: net.Act{Kind: net.Sigmoid}}, third)
	compareToOracle(t, b.Done(b.Add("e", &net.Concat{}, last, first)), 7, 9, 2)
}

// TestOperatorsAreNeverMerged: two operators of equal parameters are two nodes.
func TestOperatorsAreNeverMerged(t *testing.T) {
	g := newGraph(1)
	x, _, err := g.input("image", dims{1, 16, 4, 4})
	if err != nil {
		t.Fatal(err)
	}
	a, err := g.add(&net.Softmax{}, dims{1, 16, 4, 4}, gorgonia.Nodes{x})
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.add(&net.Softmax{}, dims{1, 16, 4, 4}, gorgonia.Nodes{x})
	if err != nil {
		t.Fatal(err)
	}
	if a == b || a.Hashcode() == b.Hashcode() {
		t.Error("two operators became one node")
	}
}

func BenchmarkCompileLongChain(b *testing.B) {
	nb := net.NewBuilder("chain", 1, 1)
	x := 0
	for range 2000 {
		x = nb.Add("a", &net.Pool{Kernel: net.Pair{Y: 1, X: 1}, Stride: net.Pair{Y: 1, X: 1}, Dilation: net.Pair{Y: 1, X: 1}}, x)
	}
	e := mustEngine(b, nb.Done(x), 1)
	for b.Loop() {
		mustNetwork(b, e, 4, 4)
	}
}
