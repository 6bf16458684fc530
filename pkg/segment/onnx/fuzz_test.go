package onnx

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// small bounds what fuzzing may allocate.
var small = Limits{Bytes: 1 << 20, Nodes: 1 << 10, Elements: 1 << 16}

func seeds(f *testing.F) {
	_, files := unpack(f)
	for k, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) < 4096 && k%7 == 0 {
			f.Add(files[name])
		}
	}
	f.Add(sound())
	f.Add(shaped(op("ConstantOfShape", []string{"c"}, "s"), ints("c", 1, 1, 64)))
	f.Add(shaped(op("Slice", []string{"c", "a", "b"}, "s"), ints("c", 1, 64, 3), ints("a", 0), ints("b", 2)))
	f.Add(shaped(op("Range", []string{"c", "d", "e"}, "s"), ints("c", 1), ints("d", 64), ints("e", 1)))
}

// FuzzRead: no bytes panic the parser.
func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(data, small)
		if err == nil {
			_, _ = m.Input()
		}
	})
}

// FuzzLower: whatever lowers is valid, has shapes, and can be written and read again.
func FuzzLower(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(data, small)
		if err != nil {
			return
		}
		in := net.Shape{C: 4, H: 13, W: 10}
		if d, err := m.Input(); err == nil && d.Channels > 0 && d.Channels < 8 {
			in.C = d.Channels
		}
		n, err := m.Lower(in)
		if err != nil {
			return
		}
		before, err := n.Shapes(in)
		if err != nil {
			t.Fatalf("lowered, but %v", err)
		}
		folded := n.Fold()
		after, err := folded.Shapes(in)
		if err != nil {
			t.Fatalf("folded, but %v", err)
		}
		for k := range n.Outputs {
			if before[n.Outputs[k]] != after[folded.Outputs[k]] {
				t.Fatalf("output %d: %v folded to %v", k, before[n.Outputs[k]], after[folded.Outputs[k]])
			}
		}
		_, _ = n.Field()
		var file bytes.Buffer
		if err := Write(&file, folded, WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		back, err := Read(file.Bytes(), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := back.Lower(in); err != nil {
			t.Fatal(err)
		}
	})
}
