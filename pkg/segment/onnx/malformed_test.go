package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/segment/net"
	"google.golang.org/protobuf/encoding/protowire"
)

// sound is the base of most damage: a convolution.
func sound() []byte {
	return tiny(op("Conv", []string{"x", "w"}, "y")).with(floats("w", []int64{1, 1, 1, 1}, 2)).bytes()
}

func conv(attrs ...attr) file {
	return tiny(op("Conv", []string{"x", "w"}, "y", attrs...)).with(floats("w", []int64{1, 1, 1, 1}, 2))
}

// shaped reshapes by something that is computed from constants.
func shaped(node []byte, initializers ...[]byte) []byte {
	return tiny(node, op("Reshape", []string{"x", "s"}, "y")).with(initializers...).bytes()
}

// TestMalformed damages files in ways that have names, one by one. None may panic or allocate what
// it claims to need; each is told apart by its error.
func TestMalformed(t *testing.T) {
	const format, unsupported = true, false
	tests := []struct {
		name     string
		data     []byte
		isFormat bool
		want     string
	}{
		// The container.
		{"empty", nil, format, "no graph"},
		{"a PNG", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), format, "broken field"},
		{"cut in the middle", sound()[:len(sound())/2], format, "broken field"},
		{"length beyond the end", []byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0x07}, format, "broken field"},
		{"a group", []byte{0x3b, 0x3c}, format, "broken field"},
		{"varint without end", bytes.Repeat([]byte{0xff}, 12), format, "broken field"},
		{"graph is a number", []byte{0x38, 0x01}, format, "wire type 0"},
		{"no opset", func() []byte { f := conv(); f.opset = 0; return f.bytes() }(), format, "names no version"},
		{"opset of 2015", func() []byte { f := conv(); f.opset = 1; return f.bytes() }(), unsupported, "opset 1"},
		{"opset to come", func() []byte { f := conv(); f.opset = 99; return f.bytes() }(), unsupported, "opset 99"},
		{"local functions", func() []byte { f := conv(); f.extra = appendMessage(nil, 25, nil); return f.bytes() }(), unsupported, "local functions"},
		{"sparse initializer", func() []byte { f := conv(); f.graphExtra = appendMessage(nil, 15, nil); return f.bytes() }(), unsupported, "sparse"},

		// Tensors.
		{"fewer bytes than dimensions", tiny().with(raw("w", typeFloat, make([]byte, 4), 1<<20, 1<<10)).bytes(), format, "need 4294967296 bytes, 4 are there"},
		{"dimensions overflow", tiny().with(raw("w", typeFloat, nil, 1<<31, 1<<31, 4)).bytes(), format, "impossible dimensions"},
		{"negative dimension", tiny().with(raw("w", typeFloat, nil, -1)).bytes(), format, "impossible dimensions"},
		{"nine dimensions", tiny().with(raw("w", typeFloat, make([]byte, 4), 1, 1, 1, 1, 1, 1, 1, 1, 1)).bytes(), format, "9 dimensions"},
		{"complex numbers", tiny().with(raw("w", 14, make([]byte, 8), 1)).bytes(), unsupported, "element type 14"},
		{"seven bytes of floats", tiny().with(appendMessage(appendInt(appendInt(nil, 1, 2), 2, 1), 4, make([]byte, 7))).bytes(), format, "need 2 values, 1 are there"},
		{"packed integers without end", tiny().with(appendMessage(appendInt(appendInt(nil, 1, 1), 2, 7), 7, []byte{0xff, 0xff})).bytes(), format, "need 1 values, 0 are there"},
		{"integer of eleven bytes", tiny(op("Reshape", []string{"x", "s"}, "y")).with(appendText(appendMessage(appendInt(appendInt(nil, 1, 1), 2, 7), 7,
			append(bytes.Repeat([]byte{0xff}, 11), 1)), 8, "s")).bytes(), format, "broken packed integer"},
		{"external data in memory", tiny().with(appendInt(appendInt(appendText(nil, 8, "w"), 2, 1), 14, 1)).bytes(), unsupported, "lies in another file"},

		// The graph.
		{"no output", func() []byte { f := conv(); f.outputs = nil; return f.bytes() }(), format, "no output"},
		{"output that nothing makes", func() []byte { f := conv(); f.outputs = [][]byte{describeImage("z", 0, "")}; return f.bytes() }(), format, "nothing makes it"},
		{"two inputs", func() []byte { f := conv(); f.inputs = append(f.inputs, describeImage("x2", 1, "")); return f.bytes() }(), unsupported, "2 inputs"},
		{"input of rank 0", func() []byte { f := conv(); f.inputs = [][]byte{appendText(nil, 1, "x")}; return f.bytes() }(), unsupported, "element type 0"},
		{"value from nowhere", tiny(op("Relu", []string{"q"}, "y")).bytes(), format, `reads "q"`},
		{"two nodes that read each other", tiny(op("Add", []string{"x", "b"}, "a"), op("Relu", []string{"a"}, "b"), op("Relu", []string{"b"}, "y")).bytes(), format, `reads "b"`},
		{"value made twice", tiny(op("Relu", []string{"x"}, "y"), op("Relu", []string{"x"}, "y")).bytes(), format, "a second time"},
		{"unknown operator", tiny(op("Frobnicate", []string{"x"}, "y")).bytes(), unsupported, "unsupported operator Frobnicate"},
		{"operator of another set", tiny(appendText(op("Relu", []string{"x"}, "y"), 7, "com.acme")).bytes(), unsupported, `operator set "com.acme"`},
		{"control flow", tiny(appendMessage(op("If", []string{"x"}, "y"), 5, appendMessage(appendText(nil, 1, "then_branch"), 6, nil))).bytes(), unsupported, "control flow"},

		// Layers.
		{"weight that is computed", tiny(op("Conv", []string{"x", "x"}, "y")).bytes(), unsupported, "must be constant"},
		{"weight of rank 1", tiny(op("Conv", []string{"x", "w"}, "y")).with(floats("w", []int64{1}, 1)).bytes(), unsupported, "has dimensions [1]"},
		{"empty weight", tiny(op("Conv", []string{"x", "w"}, "y")).with(floats("w", []int64{0, 1, 1, 1})).bytes(), format, "weight"},
		{"no weight", tiny(op("Conv", []string{"x"}, "y")).bytes(), format, "input 1 is missing"},
		{"stride of zero", conv(attr{"strides", []int64{0, 1}}).bytes(), format, "stride"},
		{"stride of three dimensions", conv(attr{"strides", []int64{1, 1, 1}}).bytes(), unsupported, "strides has 3 values"},
		{"negative pad", conv(attr{"pads", []int64{-1, 0, 0, 0}}).bytes(), unsupported, "pads [-1 0 0 0]"},
		{"kernel that is not the weight's", conv(attr{"kernel_shape", []int64{3, 3}}).bytes(), format, "kernel_shape"},
		{"groups beyond channels", conv(attr{"group", int64(7)}).bytes(), format, "groups"},
		{"pads in an unknown way", conv(attr{"auto_pad", "SOMEHOW"}).bytes(), format, "auto_pad"},
		{"scale that is no number", tiny(op("Resize", []string{"x", "", "s"}, "y")).with(raw("s", typeFloat, bytes.Repeat([]byte{0, 0, 0xc0, 0x7f}, 4), 4)).bytes(), format, "resizes by"},
		{"resize without a size", tiny(op("Resize", []string{"x"}, "y")).bytes(), format, "neither scales nor sizes"},
		{"resize to terapixels", tiny(op("Resize", []string{"x", "", "", "s"}, "y")).with(ints("s", 1, 1, 1<<21, 1<<21)).bytes(), format, "too large"},
		{"axis named twice", tiny(op("Transpose", []string{"x"}, "y", attr{"perm", []int64{0, 1, 1, 3}})).bytes(), format, "axis 1 twice"},

		// Arithmetic on shapes.
		{"reshape to another size", shaped(op("Identity", []string{"c"}, "s"), ints("c", 5, 5)), format, "reshapes"},
		{"division by zero", shaped(op("Div", []string{"c", "z"}, "s"), ints("c", 1, 64), ints("z", 0)), format, "divides by zero"},
		{"gather beyond the end", shaped(op("Gather", []string{"c", "i"}, "s"), ints("c", 1, 64), ints("i", 2)), format, "gathers element 2 of 2"},
		{"slice by steps of zero", shaped(op("Slice", []string{"c", "a", "b", "a", "z"}, "s"), ints("c", 1, 64), ints("a", 0), ints("b", 1), ints("z", 0)), format, "steps by 0"},
		{"terabytes of zeros", shaped(op("ConstantOfShape", []string{"c"}, "s"), ints("c", 1<<30, 1<<30)), format, "a constant of"},
		{"gigabytes of zeros", shaped(op("ConstantOfShape", []string{"c"}, "s"), ints("c", 1<<30)), unsupported, "too many elements"},
		{"gigabytes by expansion", shaped(op("Expand", []string{"c", "d"}, "s"), ints("c", 1), ints("d", 1<<15, 1<<15)), unsupported, "too many elements"},
		{"gigabytes by tiling", shaped(op("Tile", []string{"c", "d"}, "s"), ints("c", 1, 2), ints("d", 1<<29)), unsupported, "too many elements"},
		{"range without end", shaped(op("Range", []string{"c", "d", "z"}, "s"), ints("c", 0), ints("d", 9), ints("z", 0)), format, "counts from"},
		{"constants that do not fit", shaped(op("Add", []string{"c", "d"}, "s"), ints("c", 1, 2), ints("d", 1, 2, 3)), format, "combines constants"},
	}
	seen := map[string]bool{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := readAndLower(test.data)
			runtime.ReadMemStats(&after)
			var fe *FormatError
			var ue *UnsupportedError
			var ne *net.NodeError
			isFormat := errors.As(err, &fe) || errors.As(err, &ne)
			if err == nil || !strings.Contains(err.Error(), test.want) || isFormat != test.isFormat || errors.As(err, &ue) == test.isFormat {
				t.Errorf("got %v (%T), want %q", err, err, test.want)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
				t.Errorf("allocated %d bytes", grown)
			}
		})
		if seen[test.name] {
			t.Errorf("two tests %q", test.name)
		}
		seen[test.name] = true
	}
}

func readAndLower(data []byte) error {
	m, err := Read(data, Limits{})
	if err != nil {
		return err
	}
	_, err = m.Lower(net.Shape{C: 1, H: 8, W: 8})
	return err
}

// TestExternalData reads weights beside the model, and nothing beyond its folder.
func TestExternalData(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "model")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(outside, "secret"), filepath.Join(dir, "weights.bin")} {
		if err := os.WriteFile(path, []byte{0, 0, 0, 0, 0, 0, 0, 64}, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(dir, "link")); err != nil {
		t.Skip("no symbolic links here")
	}
	entry := func(key, value string) []byte { return appendText(appendText(nil, 1, key), 2, value) }
	model := func(entries ...[]byte) []byte {
		w := appendText(appendInt(nil, 2, typeFloat), 8, "w")
		for range 4 {
			w = appendInt(w, 1, 1)
		}
		for _, e := range entries {
			w = appendMessage(w, 13, e)
		}
		return tiny(op("Conv", []string{"x", "w"}, "y")).with(appendInt(w, 14, 1)).bytes()
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"beside":          {model(entry("location", "weights.bin"), entry("offset", "4"), entry("length", "4")), ""},
		"the folder up":   {model(entry("location", "../secret")), "escapes"},
		"absolute":        {model(entry("location", filepath.Join(outside, "secret"))), "escapes"},
		"by a link":       {model(entry("location", "link")), "escapes"},
		"the folder":      {model(entry("location", ".")), "bytes 0+4"},
		"missing":         {model(entry("location", "nowhere")), "no such file"},
		"beyond its end":  {model(entry("location", "weights.bin"), entry("offset", "5")), "bytes 5+4 of a file of 8"},
		"huge offset":     {model(entry("location", "weights.bin"), entry("offset", "9223372036854775807")), "of a file of 8"},
		"negative offset": {model(entry("location", "weights.bin"), entry("offset", "-4")), "is no size"},
		"other length":    {model(entry("location", "weights.bin"), entry("length", "8")), "its entry says 8"},
		"length in words": {model(entry("location", "weights.bin"), entry("length", "many")), "is no size"},
		"no location":     {model(), "external data"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".onnx")
			if err := os.WriteFile(path, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := Open(path, Limits{})
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			n, err := m.Lower(net.Shape{C: 1, H: 2, W: 2})
			if err != nil || n.Nodes[1].Op.(*net.Conv).Weight.Data[0] != 2 {
				t.Errorf("%+v, %v", n, err)
			}
		})
	}
}

func TestFileBeyondTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, sound(), 0o600); err != nil {
		t.Fatal(err)
	}
	var ue *UnsupportedError
	if _, err := Open(path, Limits{Bytes: 10}); !errors.As(err, &ue) {
		t.Errorf("got %v", err)
	}
	if _, err := Read(sound(), Limits{Bytes: 10}); !errors.As(err, &ue) {
		t.Errorf("got %v", err)
	}
	if _, err := Read(protowire.AppendVarint(nil, 0), Limits{Bytes: 10}); err == nil {
		t.Error("accepted field 0")
	}
}
