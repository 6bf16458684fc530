package codec

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"
	"golang.org/x/image/tiff/lzw"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

func deflated(t testing.TB, raw []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(raw)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSampleCodecs(t *testing.T) {
	raw := []byte(strings.Repeat("slide mill ", 30))
	good := deflated(t, raw)
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1 // the last byte of the checksum
	for name, c := range map[string]struct {
		decode func(dst, src []byte) error
		src    []byte
		ok     bool
	}{
		"deflate":                 {Deflate, good, true},
		"deflate, cut":            {Deflate, good[:len(good)/2], false},
		"deflate, wrong checksum": {Deflate, flipped, false},
		"deflate, no header":      {Deflate, raw, false},
		"deflate, nothing":        {Deflate, nil, false},
		"deflate, too short":      {Deflate, deflated(t, raw[1:]), false},
		"deflate, longer":         {Deflate, deflated(t, append(bytes.Clone(raw), raw...)), true},
		"plain":                   {Uncompressed, raw, true},
		"plain, cut":              {Uncompressed, raw[1:], false},
		"lzw, nothing":            {LZW, nil, false},
		"lzw, text":               {LZW, raw, false},
		"packbits, nothing":       {PackBits, nil, false},
		"packbits, half a run":    {PackBits, []byte{0x81}, false},
	} {
		dst := make([]byte, len(raw))
		err := c.decode(dst, c.src)
		var format *fault.FormatError
		switch {
		case c.ok && (err != nil || !bytes.Equal(dst, raw)):
			t.Errorf("%s: %v, or other bytes", name, err)
		case !c.ok && !errors.As(err, &format):
			t.Errorf("%s: %v, want a FormatError", name, err)
		}
	}
}

// FuzzLZW: whatever the bytes, both decoders of TIFF's LZW agree on how many bytes come out and on what
// they are. They are too few to fill the dictionary, which a compressor clears before: what a code means then is
// undefined, and the peer reads its memory for it while this decoder, like libtiff, goes on with what it has.
func FuzzLZW(f *testing.F) {
	f.Add([]byte{0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01})
	f.Add([]byte{0x80, 0x00, 0x20, 0x20, 0x18})
	f.Fuzz(func(t *testing.T, src []byte) {
		src = src[:min(len(src), 4<<10)]
		want, _ := io.ReadAll(io.LimitReader(lzw.NewReader(bytes.NewReader(src), lzw.MSB, 8), 1<<16))
		got := make([]byte, len(want))
		if err := LZW(got, src); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v; %d bytes %x, want %x", err, len(got), got, want)
		}
	})
}

// TestLZWAgainstPeer unpacks what a compressor makes of data with long and short repetitions: codes of
// every width, clear codes and the code that is its own beginning.
func TestLZWAgainstPeer(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for trial := range 40 {
		raw := make([]byte, 1+rng.IntN(20000))
		for i := range raw {
			raw[i] = byte(rng.IntN(1 + trial))
		}
		if got := make([]byte, len(raw)); LZW(got, packLZW(raw)) != nil || !bytes.Equal(got, raw) {
			t.Fatalf("trial %d: %d bytes differ", trial, len(raw))
		}
	}
}

// packLZW is the compressor of TIFF 6.0 page 58, as plain as it is written there.
func packLZW(raw []byte) []byte {
	var out []byte
	var acc uint64
	var bits, width int
	put := func(code int) {
		acc = acc<<width | uint64(code)
		for bits += width; bits >= 8; bits -= 8 {
			out = append(out, byte(acc>>(bits-8)))
		}
	}
	var table map[string]int
	code := func(s string) int {
		if len(s) == 1 {
			return int(s[0])
		}
		return table[s]
	}
	width, table = 9, map[string]int{}
	put(256)
	omega := ""
	for _, k := range raw {
		longer := omega + string([]byte{k})
		if _, known := table[longer]; known || len(longer) == 1 {
			omega = longer
			continue
		}
		put(code(omega))
		table[longer] = 258 + len(table)
		switch next := 258 + len(table); next {
		case 512, 1024, 2048:
			width++
		case 4094:
			put(256)
			width, table = 9, map[string]int{}
		}
		omega = string([]byte{k})
	}
	put(code(omega))
	if next := 258 + len(table) + 1; next == 512 || next == 1024 || next == 2048 {
		width++
	}
	put(257)
	return append(out, byte(acc<<(8-bits)))
}

// FuzzSamples: no codec panics or writes past what it is given, whatever the bytes.
func FuzzSamples(f *testing.F) {
	f.Add([]byte{0x80, 0x00, 0x01}, byte(9))
	f.Add(deflated(f, make([]byte, 100)), byte(100))
	f.Add([]byte{0xFE, 0xAA, 0x02, 1, 2, 3, 0x80}, byte(6))
	f.Fuzz(func(t *testing.T, src []byte, n byte) {
		for _, decode := range []func(dst, src []byte) error{Uncompressed, LZW, Deflate, PackBits} {
			room := bytes.Repeat([]byte{0xA5}, int(n)+8)
			_ = decode(room[:n:n], src)
			if !bytes.Equal(room[n:], bytes.Repeat([]byte{0xA5}, 8)) {
				t.Fatal("wrote past the end")
			}
		}
	})
}
