package nn

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// TestTilesNeedTheirField shows that the regions test has teeth: with the geometry of the direct
// algorithm, tiled regions differ from the whole.
func TestTilesNeedTheirField(t *testing.T) {
	n := smallUNet()
	direct, err := Tiling{}.Field(n)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(n, Options{Tiling: Fastest()})
	if err != nil {
		t.Fatal(err)
	}
	side, halo := direct.Side(), direct.Halo()
	w := 2*halo + 8*side
	x := noise(3 * w * w)
	whole := mustRun(t, mustNetwork(t, e, w, w), x)
	cw := 2*halo + side
	part := mustRun(t, mustNetwork(t, e, cw, cw), cut(x, 3, w, w, side, side, cw, cw))
	a := cut(part, 3, cw, cw, halo, halo, side, side)
	b := cut(whole, 3, w, w, side+halo, side+halo, side, side)
	for i := range a {
		if a[i] != b[i] {
			return
		}
	}
	t.Error("regions of the direct field agree although the convolutions are tiled")
}

func TestTilingWidensTheField(t *testing.T) {
	n := benchUNet(16)
	for _, c := range []struct {
		tiling      Tiling
		halo, align int
	}{
		{Tiling{}, 112, 16},
		{Tiling{Four: 1}, 128, 16},
		{Tiling{Four: 4}, 176, 16},
		{Tiling{Two: 8}, 160, 16},
		{Fastest(), 384, 64},
	} {
		f, err := c.tiling.Field(n)
		if err != nil {
			t.Fatal(err)
		}
		if f.Halo() != c.halo || f.Side() != c.align {
			t.Errorf("%v: halo %d, align %d; want %d, %d", c.tiling, f.Halo(), f.Side(), c.halo, c.align)
		}
	}
}

// TestTilingWithinItsHalo: the wider the halo, the less there is to do, and no tiling looks beyond it.
func TestTilingWithinItsHalo(t *testing.T) {
	n := net.UNet(net.UNetConfig{Name: "u-net", Base: 16, Depth: 3, Seed: 1})
	folded := n.Fold()
	last := (Tiling{}).cost(folded)
	for _, c := range []struct {
		halo int
		want Tiling
	}{
		{48, Tiling{}}, // hardly enough for direct convolution
		{56, Tiling{Two: 2}},
		{64, Tiling{Four: 1, Two: 2}},
		{96, Tiling{Four: 2, Two: 4}},
	} {
		got, err := TilingWithin(n, c.halo, 8)
		if err != nil {
			t.Fatal(err)
		}
		field, err := got.Field(n)
		if err != nil {
			t.Fatal(err)
		}
		cost := got.cost(folded)
		if got != c.want || field.Side() != 8 || cost > last || got != (Tiling{}) && field.Halo() > c.halo {
			t.Errorf("halo %d: %v, which looks %d far, costs %g (before: %g); want %v", c.halo, got, field.Halo(), cost, last, c.want)
		}
		last = cost
	}
}

// TestTilingLeavesOddSizesAlone: a network whose convolutions change the size has its regions, and none of them is tiled.
func TestTilingLeavesOddSizesAlone(t *testing.T) {
	b := net.NewBuilder("padded", 16, 3)
	x := b.Conv("same", 0, net.ConvConfig{Out: 16, Kernel: 3})
	y := b.Conv("shrinks", x, net.ConvConfig{Out: 16, Kernel: 3})
	y = b.Conv("grows", y, net.ConvConfig{Out: 16, Kernel: 3})
	n := b.Done(b.Add("sum", &net.Binary{Kind: net.Add}, x, y))
	n.Nodes[2].Op.(*net.Conv).Pad = net.Padding{}
	n.Nodes[3].Op.(*net.Conv).Pad = net.Padding{Top: 2, Left: 2, Bottom: 2, Right: 2}
	got, err := TilingWithin(n, 64, 8)
	if err != nil || got != (Tiling{}) {
		t.Errorf("tiling %v, error %v; want direct", got, err)
	}
}

func TestTilingRefuses(t *testing.T) {
	if _, err := New(smallUNet(), Options{Tiling: Tiling{Four: -1}}); err == nil {
		t.Error("a negative stride was taken")
	}
	b := net.NewBuilder("global", 3, 1)
	g := b.Add("g", &net.GlobalAvgPool{}, 0)
	n := b.Done(b.Add("m", &net.Binary{Kind: net.Mul}, 0, g))
	if _, err := TilingWithin(n, 64, 8); err == nil {
		t.Error("a network without a receptive field has a tiling")
	}
	if _, err := mustEngine(t, n, 1).Network(pyramid.Size{W: 8, H: 8}); err != nil {
		t.Error(err)
	}
}
