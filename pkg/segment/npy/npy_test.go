package npy

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

func TestRoundTrip(t *testing.T) {
	for _, shape := range [][]int{{1}, {2, 3}, {1, 3, 4, 5}} {
		n := 1
		for _, d := range shape {
			n *= d
		}
		want := &net.Tensor{Shape: shape, Data: make([]float32, n)}
		for i := range want.Data {
			want.Data[i] = float32(i) - 1.5
		}
		var buf bytes.Buffer
		if err := Write(&buf, want); err != nil {
			t.Fatal(err)
		}
		if at := bytes.IndexByte(buf.Bytes(), '\n') + 1; at%64 != 0 {
			t.Errorf("shape %v: the data begins at %d, not at a multiple of 64", shape, at)
		}
		got, err := Read(&buf)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("shape %v: %s", shape, d)
		}
	}
}

func FuzzRead(f *testing.F) {
	var buf bytes.Buffer
	if err := Write(&buf, &net.Tensor{Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(bytes.NewReader(data))
		if err == nil && 4*len(got.Data) > len(data) {
			t.Errorf("%d floats out of %d bytes", len(got.Data), len(data))
		}
	})
}
