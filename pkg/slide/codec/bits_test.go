package codec

import (
	"math/rand/v2"
	"testing"
)

// TestBitReader reads random data, stuffed bytes included, in pieces of every size, and compares with
// one bit at a time.
func TestBitReader(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for most := uint(1); most <= 16; most++ {
		var data, bits []byte
		for range 400 {
			v := byte(rng.IntN(256))
			if rng.IntN(20) == 0 {
				v = 0xFF
			}
			if data = append(data, v); v == 0xFF {
				data = append(data, 0)
			}
			for i := range 8 {
				bits = append(bits, v>>(7-i)&1)
			}
		}
		b := bitReader{data: data}
		for at := 0; at+16 < len(bits); {
			b.refill()
			n := 1 + uint(rng.IntN(int(most)))
			b.n -= n
			got, want := b.acc>>b.n&(1<<n-1), uint64(0)
			for range n {
				want = want<<1 | uint64(bits[at])
				at++
			}
			if got != want || b.exhausted() {
				t.Fatalf("pieces of up to %d: bits before %d are %b, want %b; exhausted %t", most, at, got, want, b.exhausted())
			}
		}
	}
}
