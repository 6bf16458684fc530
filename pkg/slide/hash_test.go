package slide_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/slidemill/slidemill/pkg/slide"
)

func TestHash(t *testing.T) {
	data := bytes.Repeat([]byte("slide"), 1<<19) // 2.5 buffers
	var heard []int64
	got, err := slide.Hash(t.Context(), writeFile(t, "x", data), func(n int64) { heard = append(heard, n) })
	if err != nil || got != sha256.Sum256(data) {
		t.Errorf("hash %x, %v", got, err)
	}
	if len(heard) != 3 || heard[2] != int64(len(data)) {
		t.Errorf("progress %v, want three steps up to %d", heard, len(data))
	}
	if _, err := slide.Hash(t.Context(), t.TempDir(), nil); err == nil {
		t.Error("hash of a directory: no error")
	}
}
