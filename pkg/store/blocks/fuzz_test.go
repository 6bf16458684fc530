package blocks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// FuzzReadAt: any sequence of reads gives what the object holds, io.EOF exactly at its end, and a cache within
// its bound.
func FuzzReadAt(f *testing.F) {
	f.Add(uint32(5*blockSize+777), []byte("\x00\x00\x00\x00\x10\x00\xff\xff\x01\x00\xff\xff"))
	f.Add(uint32(1), []byte("\x00\x00\x00\x00\x10\x00"))
	data := noise(40 * blockSize)
	f.Fuzz(func(t *testing.T, size uint32, reads []byte) {
		if len(reads) > 6*32 {
			return
		}
		object := data[:1+int(size)%len(data)]
		r, err := Open(t.Context(), put(t, object), "x", 1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for ; len(reads) >= 6; reads = reads[6:] {
			off := int64(int32(binary.LittleEndian.Uint32(reads))) >> 8
			got := make([]byte, 4*int(binary.LittleEndian.Uint16(reads[4:])))
			n, err := r.ReadAt(got, off)
			if off < 0 {
				if err == nil || n != 0 {
					t.Fatalf("offset %d: %d, %v", off, n, err)
				}
				continue
			}
			want := object[min(off, int64(len(object))):]
			want = want[:min(len(want), len(got))]
			if !bytes.Equal(got[:n], want) || (len(want) < len(got)) != errors.Is(err, io.EOF) || err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("%d bytes at %d of %d: %d, %v", len(got), off, len(object), n, err)
			}
			if kept := int64(len(r.kept)) * blockSize; kept > r.budget {
				t.Fatalf("%d bytes are kept of %d", kept, r.budget)
			}
		}
	})
}
