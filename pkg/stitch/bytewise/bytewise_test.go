package bytewise

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestAtLeast: every byte beside every other, against every limit.
func TestAtLeast(t *testing.T) {
	for limit := range 256 {
		for v := range 256 {
			b := []uint8{uint8(v), 0, uint8(v + 1), 255, uint8(limit), uint8(v), 0x7f, 0x80}
			got := AtLeast(Load(b), uint8(limit))
			n := 0
			for i, v := range b {
				want := uint64(0)
				if v >= uint8(limit) {
					want = 1
					n++
				}
				if got>>(8*i)&0xff != want {
					t.Fatalf("byte %d of %v at least %d: %016x", i, b, limit, got)
				}
			}
			if Count(got) != n {
				t.Fatalf("%d bytes of %016x are 1, want %d", Count(got), got, n)
			}
		}
	}
}

func TestPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	for range 1000 {
		word := r.Uint64() & r.Uint64() & r.Uint64()
		var b, got [8]uint8
		Store(b[:], word)
		binary.LittleEndian.PutUint32(got[:], Pairs(word))
		for i := range 4 {
			if want := b[2*i] | b[2*i+1]; got[i] != want {
				t.Fatalf("pair %d of %v: %d, want %d", i, b, got[i], want)
			}
		}
	}
}

// TestGreatest: every byte with every other, beside any neighbours.
func TestGreatest(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 5))
	for v := range 1 << 16 {
		var a, b, got, four [8]uint8
		Store(a[:], r.Uint64())
		Store(b[:], r.Uint64())
		a[v%8], b[v%8] = uint8(v), uint8(v>>8)
		Store(got[:], Greatest(Load(a[:]), Load(b[:])))
		binary.LittleEndian.PutUint32(four[:], GreatestOfPairs(Load(a[:])))
		for i := range got {
			if want := max(a[i], b[i]); got[i] != want {
				t.Fatalf("byte %d of %v and %v: %d, want %d", i, a, b, got[i], want)
			}
			if want := max(a[i&^1], a[i|1]); four[i/2] != want {
				t.Fatalf("pair %d of %v: %d, want %d", i/2, a, four[i/2], want)
			}
		}
	}
}
