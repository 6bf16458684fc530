package codec

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"

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
