package codec

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

// TestDamagedScan names the kinds of damage that other decoders swallow.
func TestDamagedScan(t *testing.T) {
	for _, name := range []string{"444", "420", "grey", "restart", "rgb"} {
		stream := golden(t)[name]
		_, scan, err := segments(stream, nil)
		if err != nil {
			t.Fatal(err)
		}
		head := len(stream) - len(scan)
		for _, c := range []struct {
			kind string
			data []byte
			want string
		}{
			// Half of the entropy-coded data is gone; the end marker is there.
			{"half a scan", append(bytes.Clone(stream[:head+len(scan)/2]), 0xFF, mEOI), ""},
			{"half a scan, no end", stream[:head+len(scan)/2], ""},
			{"no scan data", stream[:head], ""},
			{"no scan at all", stream[:head-20], ""},
			// A second copy of the data: blocks decode, but there are too many bytes.
			{"scan twice", append(bytes.Clone(stream[:len(stream)-2]), scan...), ""},
			{"end marker gone is no loss", stream[:len(stream)-2], "fine"},
			{"zeros instead of the end", append(bytes.Clone(stream[:head+len(scan)*3/4]), make([]byte, len(scan))...), ""},
		} {
			t.Run(name+"/"+c.kind, func(t *testing.T) {
				_, err := decodeAll(c.data)
				var format *fault.FormatError
				if c.want == "fine" {
					if err != nil {
						t.Error(err)
					}
				} else if !errors.As(err, &format) {
					t.Errorf("error %v, want a FormatError", err)
				}
			})
		}
	}
}

// TestOverwrittenScan overwrites stretches of a scan with noise and counts what is noticed. Huffman
// codes have little redundancy, so some noise decodes; that it is most often noticed is the point.
func TestOverwrittenScan(t *testing.T) {
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, noise(96, 96), nil); err != nil {
		t.Fatal(err)
	}
	_, scan, err := segments(plain.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const trials = 100
	noticed := 0
	for range trials {
		stream := bytes.Clone(plain.Bytes())
		at := len(stream) - len(scan) + rng.IntN(len(scan)-600)
		for i := range 512 {
			stream[at+i] = byte(rng.IntN(255)) // never 0xFF: no marker gives it away
		}
		if _, err := decodeAll(stream); err != nil {
			noticed++
		}
	}
	t.Logf("%d of %d overwritten scans noticed", noticed, trials)
	if noticed < trials*95/100 {
		t.Errorf("only %d of %d overwritten scans noticed", noticed, trials)
	}
}

func noise(w, h int) image.Image {
	rng := rand.New(rand.NewPCG(3, 4))
	im := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range im.Pix {
		im.Pix[i] = byte(rng.IntN(256))
	}
	return im
}

func TestUnsupportedJPEG(t *testing.T) {
	base := golden(t)["444"]
	sof := bytes.Index(base, []byte{0xFF, mSOF0})
	patch := func(at int, b ...byte) []byte {
		out := bytes.Clone(base)
		copy(out[at:], b)
		return out
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"lossless process":   {patch(sof+1, 0xC3), "process"},
		"arithmetic coding":  {patch(sof+1, 0xC9), "process"},
		"12 bits":            {patch(sof+4, 12), "12 bits"},
		"height comes later": {patch(sof+5, 0, 0), "size 37x0"},
		"sampling 3x1":       {patch(sof+11, 0x31, 0, 2, 0x21), "sampling"},
	} {
		_, err := decodeAll(c.data)
		var unsupported *fault.UnsupportedError
		if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an UnsupportedError with %q", name, err, c.want)
		}
	}
	small := image.NewRGBA(image.Rect(0, 0, 38, 29))
	if err := DecodeJPEG(small, base, 1<<20); err == nil {
		t.Error("a tile wider than the stream: no error")
	}
	if err := DecodeJPEG(image.NewRGBA(image.Rect(0, 0, 1, 1)), base, 37*29-1); err == nil {
		t.Error("a stream above the limit: no error")
	}
}
