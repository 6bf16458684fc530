package nn

import (
	"runtime"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment/net"
)

// TestClosedNetworksAreCollected: a worker that sees many sizes must not keep the arenas of all of them.
func TestClosedNetworksAreCollected(t *testing.T) {
	e, err := New(net.UNet(net.UNetConfig{In: 3, Classes: 4, Channels: []int{16, 16}, Seed: 1}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var arena int64
	cycle := func(times int) uint64 {
		for range times {
			n, err := e.Compile(pyramid.Size{W: 256, H: 256}, 1)
			if err != nil {
				t.Fatal(err)
			}
			arena = n.ArenaBytes()
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := cycle(2)
	after := cycle(20)
	if grown := int64(after) - int64(before); grown > 3*arena {
		t.Errorf("20 closed networks hold %d bytes, an arena is %d", grown, arena)
	}
}
