package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"

	"github.com/slidemill/slidemill/pkg/slide/fault"
)

// Uncompressed copies a tile's samples into dst, which has the size that they must have.
func Uncompressed(dst, src []byte) error {
	if n := copy(dst, src); n < len(dst) {
		return short("uncompressed", n, len(dst))
	}
	return nil
}

// Deflate unpacks a zlib stream. Its checksum is only reached, and then checked, when the stream
// holds no more than dst.
func Deflate(dst, src []byte) error {
	r, err := zlib.NewReader(bytes.NewReader(src))
	if err != nil {
		return &fault.FormatError{Format: "deflate", Problem: err.Error()}
	}
	defer r.Close()
	if err := fill("deflate", dst, r); err != nil {
		return err
	}
	var more [1]byte
	if n, err := r.Read(more[:]); n == 0 && err != nil && !errors.Is(err, io.EOF) {
		return &fault.FormatError{Format: "deflate", Problem: err.Error()}
	}
	return nil
}

// PackBits unpacks Apple's run-length code (TIFF 6.0 page 42).
func PackBits(dst, src []byte) error {
	n := 0
	for n < len(dst) && len(src) > 1 {
		code := int8(src[0])
		src = src[1:]
		switch {
		case code >= 0:
			run := min(int(code)+1, len(src))
			n += copy(dst[n:], src[:run])
			src = src[run:]
		case code != -128:
			run := min(1-int(code), len(dst)-n)
			for i := range run {
				dst[n+i] = src[0]
			}
			n += run
			src = src[1:]
		}
	}
	if n < len(dst) {
		return short("packbits", n, len(dst))
	}
	return nil
}

// fill reads exactly len(dst) bytes.
func fill(name string, dst []byte, r io.Reader) error {
	n, err := io.ReadFull(r, dst)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return short(name, n, len(dst))
	case err != nil:
		return &fault.FormatError{Format: name, Problem: err.Error()}
	}
	return nil
}

func short(name string, got, want int) error {
	return &fault.FormatError{Format: name, Problem: fmt.Sprintf("the data end after %d of %d bytes", got, want)}
}
