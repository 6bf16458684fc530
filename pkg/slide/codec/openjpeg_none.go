//go:build !((linux || darwin) && (amd64 || arm64) && !static)

package codec

import "errors"

// openJPEGLibrary is never loaded in this build.
type openJPEGLibrary struct{}

func loadOpenJPEG() (*openJPEGLibrary, string, error) {
	return nil, "", errors.New("this build cannot load libraries")
}

func (*openJPEGLibrary) version() string { return "" }

func (*openJPEGLibrary) decode([]byte, *j2kHeader) (*j2kPicture, error) {
	return nil, j2kUnsupported("no library")
}
