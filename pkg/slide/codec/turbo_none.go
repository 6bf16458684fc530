//go:build !((linux || darwin) && (amd64 || arm64) && !static)

package codec

import (
	"errors"
	"image"
)

var selfTestJPEG []byte

// turboLibrary is never loaded in this build.
type turboLibrary struct{}

func loadTurbo() (turboLibrary, string, error) {
	return turboLibrary{}, "", errors.New("this build cannot load libraries")
}

func (*turboLibrary) decompress(_, _ []byte, _ image.Point, _ int) bool { return false }

func (*turboLibrary) compress([]byte, *image.RGBA, int) ([]byte, bool) { return nil, false }
