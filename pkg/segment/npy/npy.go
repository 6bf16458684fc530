// Package npy reads and writes float32 tensors as NumPy's .npy files, so that other runtimes can be
// compared with. It knows version 1.0, little-endian float32 in C order, and says so otherwise.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

const magic = "\x93NUMPY\x01\x00"

// maxElements bounds a tensor: 2^30 floats are 4 GiB.
const maxElements = 1 << 30

var header = regexp.MustCompile(`^\{'descr': '<f4', 'fortran_order': False, 'shape': \(([0-9, ]*)\), *\}\s*$`)

// Open reads a file.
func Open(path string) (*net.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read tensor: %w", err)
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read tensor %s: %w", path, err)
	}
	return t, nil
}

// Read reads one tensor. Its memory grows with the bytes that are there, not with those promised.
func Read(r io.Reader) (*net.Tensor, error) {
	head := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return nil, errors.New("not a NumPy file of version 1.0")
	}
	text := make([]byte, binary.LittleEndian.Uint16(head[len(magic):]))
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	shape, elements, err := parseHeader(string(text))
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(r, 4*elements))
	if err != nil {
		return nil, err
	}
	if n != 4*elements {
		return nil, fmt.Errorf("holds %d of %d bytes", n, 4*elements)
	}
	t := &net.Tensor{Shape: shape, Data: make([]float32, elements)}
	for i := range t.Data {
		t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(buf.Bytes()[4*i:]))
	}
	return t, nil
}

func parseHeader(text string) (shape []int, elements int64, err error) {
	m := header.FindStringSubmatch(text)
	if m == nil {
		return nil, 0, fmt.Errorf("header %.100q: want little-endian float32 in C order", text)
	}
	elements = 1
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(m[1]), ","), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		d, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || d < 1 || int64(d) > maxElements/elements {
			return nil, 0, fmt.Errorf("shape (%s): want at most %d elements", m[1], int64(maxElements))
		}
		shape = append(shape, d)
		elements *= int64(d)
	}
	return shape, elements, nil
}

// Create writes a file.
func Create(path string, t *net.Tensor) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write tensor: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return Write(f, t)
}

// Write writes one tensor.
func Write(w io.Writer, t *net.Tensor) error {
	dims := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = strconv.Itoa(d)
	}
	shape := strings.Join(dims, ", ")
	if len(dims) == 1 {
		shape += ","
	}
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape)
	const unit = 64 // the data begins at a multiple, as the format asks
	text += strings.Repeat(" ", unit-1-(len(magic)+2+len(text))%unit) + "\n"
	out := binary.LittleEndian.AppendUint16([]byte(magic), uint16(len(text)))
	out = append(out, text...)
	for _, v := range t.Data {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write tensor: %w", err)
	}
	return nil
}
