package codec

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCheckJudgesAsDecodingDoes: sound, cut and overwritten streams, and such with a bit flipped or a tail of stuffed bytes,
// get the verdict that decoding gives them, from this package and from libjpeg-turbo each.
func TestCheckJudgesAsDecodingDoes(t *testing.T) {
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, noise(96, 96), nil); err != nil {
		t.Fatal(err)
	}
	streams := golden(t)
	streams["noise"] = plain.Bytes()
	rng := rand.New(rand.NewPCG(5, 6))
	sound, damaged := 0, 0
	for name, stream := range streams {
		_, scan, err := segments(stream, nil)
		if err != nil {
			t.Fatal(err)
		}
		head := len(stream) - len(scan)
		for trial := range 100 {
			data := bytes.Clone(stream)
			switch {
			case trial > 80:
				end := len(data) - 2
				data = slices.Concat(data[:end], bytes.Repeat([]byte{0xFF, 0}, 1+rng.IntN(12)), data[end:])
			case trial > 60:
				data[head+rng.IntN(len(scan)-2)] ^= 1 << rng.IntN(8)
			case trial > 40:
				data = data[:head+rng.IntN(len(scan))]
			case trial > 0:
				for at := head + rng.IntN(len(scan)); at < min(head+rng.IntN(len(scan)), len(data)-2); at++ {
					data[at] = byte(rng.IntN(255))
				}
			}
			agree(t, name, data)
			if CheckJPEG(data, 1<<20) == nil {
				sound++
			} else {
				damaged++
			}
		}
	}
	if sound < len(streams) || damaged < 10*len(streams) {
		t.Errorf("%d sound and %d damaged streams: too few to mean anything", sound, damaged)
	}
}

func agree(t *testing.T, name string, data []byte) {
	t.Helper()
	size, err := JPEGSize(data)
	if err != nil {
		t.Fatal(err)
	}
	whole := image.NewRGBA(image.Rectangle{Max: size})
	if check, decode := CheckJPEG(data, 1<<20), DecodeJPEG(whole, data, 1<<20); (check == nil) != (decode == nil) {
		t.Fatalf("%s: check says %v, decoding %v", name, check, decode)
	}
	turbo, err := FindTurbo()
	if err != nil {
		return
	}
	if check, decode := turbo.Check(data, 1<<20), turbo.Decode(whole, data, 1<<20); (check == nil) != (decode == nil) {
		t.Fatalf("%s: with libjpeg-turbo check says %v, decoding %v", name, check, decode)
	}
}

// TestCheckKeepsTheLimit: a picture larger than allowed is refused, and nothing is allocated for one that is
// not.
func TestCheckKeepsTheLimit(t *testing.T) {
	stream := golden(t)["444"]
	if err := CheckJPEG(stream, 37*29-1); err == nil {
		t.Error("a stream above the limit: no error")
	}
	// Race detectors have pools forget one decoder in four, so that it takes many checks for a mean.
	if n := testing.AllocsPerRun(400, func() {
		if err := CheckJPEG(stream, 37*29); err != nil {
			t.Error(err)
		}
	}); n > 2 {
		t.Errorf("%.0f allocations a check", n)
	}
}

// TestTableAfterOthers: whatever a table held before, a code that did not hold water among it, it decodes as a new one.
func TestTableAfterOthers(t *testing.T) {
	bytesOf := func(s huffmanSpec) []byte { return append(s.counts[:], s.symbols...) }
	luma, chroma := bytesOf(standardHuffman[0].ac), bytesOf(standardHuffman[1].ac)
	swapped := bytes.Clone(luma) // as many codes of each length, of other symbols
	swapped[20], swapped[21] = swapped[21], swapped[20]
	broken := bytes.Clone(swapped)
	broken[0], broken[15] = 3, broken[15]-3 // three codes of one bit
	var h huffman
	for i, table := range [][]byte{luma, luma, swapped, luma, chroma, broken, chroma, luma, broken, swapped, swapped} {
		fresh := huffman{}
		n, err := h.read(table)
		if want, wantErr := fresh.read(table); n != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("table %d: %d bytes, %v; want %d, %v", i, n, err, want, wantErr)
		}
		if err != nil {
			continue
		}
		if i%3 != 0 { // CheckJPEG does without
			h.prepareAC()
			fresh.prepareAC()
		}
		got := h
		clear(got.symbols[got.count:])
		if !h.hasFast || !fresh.hasFast {
			got.fast, got.hasFast, fresh.fast, fresh.hasFast = [1 << lookBits]int16{}, false, [1 << lookBits]int16{}, false
		}
		if got != fresh {
			t.Errorf("table %d is not what a new one is", i)
		}
	}
}

// TestSmallSize: the next size is not plausible of some quantiser, this one of all.
func TestSmallSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	for range 1000 {
		var quant [64]int32
		most := 1 + rng.Int32N(1<<rng.IntN(17))
		for k := range quant {
			quant[k] = rng.Int32N(most)
		}
		all := func(size uint8) bool {
			return !slices.ContainsFunc(quant[1:], func(q int32) bool { return !plausible((1<<size-1)*q, q) })
		}
		if size := smallSize(&quant); !all(size) || size < 15 && all(size+1) {
			t.Fatalf("%v: size %d", quant, size)
		}
	}
}

// BenchmarkCheck: beside it the library at an eighth of the size, which reads every code too.
func BenchmarkCheck(b *testing.B) {
	img := image.NewRGBA(image.Rect(0, 0, 256, 256))
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range img.Pix {
		img.Pix[i] = uint8(i/9 + i*i>>12 + rng.IntN(30))
	}
	stream, err := EncodeJPEG(nil, img, 85)
	if err != nil {
		b.Fatal(err)
	}
	ways := map[string]func() error{"ours": func() error { return CheckJPEG(stream, 1<<16) }}
	if turbo, err := FindTurbo(); err == nil {
		f, _, err := readFrame(stream)
		if err != nil {
			b.Fatal(err)
		}
		small := image.NewRGBA(image.Rect(0, 0, 32, 32))
		ways["turbo"] = func() error {
			if !turbo.decode(f.shrunk(8), small, stream) {
				return ErrNoTurbo
			}
			return nil
		}
	}
	for name, check := range ways {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				if err := check(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
