//go:build (linux || darwin) && (amd64 || arm64) && !static

package codec

import (
	_ "embed" // for selfTestJPEG
	"errors"
	"fmt"
	"image"
	"runtime"

	"github.com/ebitengine/purego"
)

// selfTestJPEG is a picture with chroma at half size and coloured edges.
//
//go:embed testdata/420.jpeg
var selfTestJPEG []byte

// turboLibrary is TurboJPEG's interface of version 2, which version 3 still has. The build tag "static"
// leaves it out: a program that can load libraries cannot be linked statically.
//
// # Memory
//
// One decompressor per goroutine that decodes at the same time, at most one per processor kept.
type turboLibrary struct {
	idle        chan uintptr // decompressors that wait for work
	initialise  func() uintptr
	destroy     func(handle uintptr) int32
	decompress2 func(handle uintptr, jpeg *byte, size uintptr, dst *byte, width, pitch, height, format, flags int32) int32
}

// turboNames are the library's names with the version of its interface.
var turboNames = map[string][]string{
	"linux":  {"libturbojpeg.so.0"},
	"darwin": {"libturbojpeg.0.dylib", "/opt/homebrew/lib/libturbojpeg.0.dylib", "/usr/local/lib/libturbojpeg.0.dylib"},
}

func loadTurbo() (lib turboLibrary, path string, err error) {
	for _, path = range turboNames[runtime.GOOS] {
		handle, openErr := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if openErr != nil {
			err = errors.Join(err, openErr)
			continue
		}
		lib, err = bindTurbo(handle)
		return lib, path, err
	}
	return turboLibrary{}, "", err
}

// bindTurbo looks the functions up first: registering one that is missing panics.
func bindTurbo(handle uintptr) (turboLibrary, error) {
	lib := turboLibrary{idle: make(chan uintptr, runtime.GOMAXPROCS(0))}
	for _, f := range []struct {
		name string
		fn   any
	}{
		{"tjInitDecompress", &lib.initialise},
		{"tjDestroy", &lib.destroy},
		{"tjDecompress2", &lib.decompress2},
	} {
		symbol, err := purego.Dlsym(handle, f.name)
		if err != nil {
			return lib, fmt.Errorf("%s: %w", f.name, err)
		}
		purego.RegisterFunc(f.fn, symbol)
	}
	return lib, nil
}

// TurboJPEG's constants (turbojpeg.h).
const (
	tjpfRGBA        = 7
	tjflagAccurate  = 4096
	turboMaxStream  = 1 << 30
	turboMaxSamples = 1 << 30
)

// decompress decodes a stream of the given size to RGBA. It reports false for anything that the
// library finds worth a warning.
func (l *turboLibrary) decompress(stream, pix []byte, size image.Point, stride int) bool {
	if len(stream) == 0 || len(stream) > turboMaxStream || len(pix) < stride*(size.Y-1)+4*size.X || len(pix) > turboMaxSamples {
		return false
	}
	handle := l.take()
	if handle == 0 {
		return false
	}
	defer l.giveBack(handle)
	code := l.decompress2(handle, &stream[0], uintptr(len(stream)), &pix[0],
		int32(size.X), int32(stride), int32(size.Y), tjpfRGBA, tjflagAccurate)
	runtime.KeepAlive(stream)
	runtime.KeepAlive(pix)
	return code == 0
}

func (l *turboLibrary) take() uintptr {
	select {
	case h := <-l.idle:
		return h
	default:
		return l.initialise()
	}
}

func (l *turboLibrary) giveBack(h uintptr) {
	select {
	case l.idle <- h:
	default:
		l.destroy(h)
	}
}
