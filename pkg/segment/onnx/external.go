package onnx

import (
	"fmt"
	"io"
	"os"
	"strconv"
)

// external reads tensors that lie outside the model file. The root forbids leaving the model's
// directory, by "..", by absolute paths and by links alike. A nil external refuses them.
type external struct {
	root *os.Root
	left int64 // bytes that may still be read
}

// load fetches the bytes of a tensor if it is external.
func (x *external) load(t *tensor) error {
	if !t.isExt {
		return nil
	}
	where := fmt.Sprintf("tensor %q", t.name)
	if x == nil {
		return &UnsupportedError{where, "lies in another file", "open the model by its path, or save it in one file"}
	}
	offset, err := t.externalNumber(where, "offset", 0)
	if err != nil {
		return err
	}
	need := t.size * width(t.typ)
	length, err := t.externalNumber(where, "length", need)
	if err != nil {
		return err
	}
	if length != need {
		return &FormatError{where, fmt.Sprintf("dimensions %v need %d bytes, its entry says %d", t.dims, need, length)}
	}
	if length > x.left {
		return &UnsupportedError{where, "the model's tensors are larger than the limit", "raise the limit or use a smaller model"}
	}
	x.left -= length
	t.raw, err = x.read(t.external["location"], offset, length)
	if err != nil {
		return fmt.Errorf("onnx: %s: external data %q: %w", where, t.external["location"], err)
	}
	t.hasRaw = true
	return nil
}

func (t *tensor) externalNumber(where, key string, otherwise int64) (int64, error) {
	s, ok := t.external[key]
	if !ok {
		return otherwise, nil
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 {
		return 0, &FormatError{where, fmt.Sprintf("external %s %q is no size", key, s)}
	}
	return v, nil
}

// read compares the request with the file's size before it allocates.
func (x *external) read(name string, offset, length int64) ([]byte, error) {
	info, err := x.root.Stat(name) // before it is opened: opening a pipe would wait
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || offset > info.Size() || length > info.Size()-offset {
		return nil, &FormatError{"file", fmt.Sprintf("bytes %d+%d of a file of %d", offset, length, info.Size())}
	}
	file, err := x.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, length)
	_, err = io.ReadFull(io.NewSectionReader(file, offset, length), data)
	return data, err
}
