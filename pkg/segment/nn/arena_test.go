package nn

import (
	"testing"

	"gorgonia.org/gorgonia"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/segment/net"
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

// TestArenaHoldsWhatIsAlive: no two storages that are alive in the same step overlap, and the arena is
// smaller than their sum.
func TestArenaHoldsWhatIsAlive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []*storage
		for range rapid.IntRange(1, 30).Draw(t, "storages") {
			d := dims{1, rapid.IntRange(1, 40).Draw(t, "c"), rapid.IntRange(1, 9).Draw(t, "h"), rapid.IntRange(1, 9).Draw(t, "w")}
			a := newAct(d)
			a.border = rapid.IntRange(0, 2).Draw(t, "border")
			a.store.start = rapid.IntRange(0, 20).Draw(t, "start")
			a.store.end = a.store.start + rapid.IntRange(0, 10).Draw(t, "steps")
			list = append(list, a.store)
		}
		total, err := place(list, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range list {
			if a.off+a.floats() > total {
				t.Fatalf("storage %d ends beyond the arena", i)
			}
			for _, b := range list[:i] {
				apart := a.off+a.floats() <= b.off || b.off+b.floats() <= a.off
				if !apart && a.start <= b.end && b.start <= a.end {
					t.Fatalf("two storages alive at once overlap: %+v and %+v", a, b)
				}
			}
		}
	})
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
