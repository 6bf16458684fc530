//go:build (linux || darwin) && (amd64 || arm64) && !static

package codec

import (
	_ "embed" // for selfTestJPEG
	"errors"
	"fmt"
	"image"
	"runtime"
	"slices"

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
	packers     chan uintptr // compressors that wait for work
	newPacker   func() uintptr
	compress2   func(handle uintptr, src *byte, width, pitch, height, format int32, jpeg **byte, size *uint64, subsampling, quality, flags int32) int32
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
	lib := turboLibrary{idle: make(chan uintptr, runtime.GOMAXPROCS(0)), packers: make(chan uintptr, runtime.GOMAXPROCS(0))}
	for _, f := range []struct {
		name string
		fn   any
	}{
		{"tjInitDecompress", &lib.initialise},
		{"tjDestroy", &lib.destroy},
		{"tjDecompress2", &lib.decompress2},
		{"tjInitCompress", &lib.newPacker},
		{"tjCompress2", &lib.compress2},
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
	tjflagNoRealloc = 1024
	tjsamp444       = 0
	turboMaxStream  = 1 << 30
	turboMaxSamples = 1 << 30
)

// decompress decodes a stream of the given size to RGBA. It reports false for anything that the
// library finds worth a warning.
func (l *turboLibrary) decompress(stream, pix []byte, size image.Point, stride int) bool {
	if len(stream) == 0 || len(stream) > turboMaxStream || len(pix) < stride*(size.Y-1)+4*size.X || len(pix) > turboMaxSamples {
		return false
	}
	handle := take(l.idle, l.initialise)
	if handle == 0 {
		return false
	}
	defer l.giveBack(l.idle, handle)
	code := l.decompress2(handle, &stream[0], uintptr(len(stream)), &pix[0],
		int32(size.X), int32(stride), int32(size.Y), tjpfRGBA, tjflagAccurate)
	runtime.KeepAlive(stream)
	runtime.KeepAlive(pix)
	return code == 0
}

// compress appends img to dst. It reports false where the library refuses.
//
// The library writes into memory that Go owns and has pinned for the call: enough for the worst picture, of
// which it must not ask for more (tjflagNoRealloc).
func (l *turboLibrary) compress(dst []byte, img *image.RGBA, quality int) ([]byte, bool) {
	size := img.Rect.Size()
	if len(img.Pix) < img.Stride*(size.Y-1)+4*size.X || len(img.Pix) > turboMaxSamples {
		return nil, false
	}
	handle := take(l.packers, l.newPacker)
	if handle == 0 {
		return nil, false
	}
	defer l.giveBack(l.packers, handle)
	begin := len(dst)
	dst = slices.Grow(dst, turboWorst(size))
	var pinner runtime.Pinner
	defer pinner.Unpin()
	out, n := &dst[begin : begin+1][0], uint64(turboWorst(size))
	pinner.Pin(out)
	code := l.compress2(handle, &img.Pix[0], int32(size.X), int32(img.Stride), int32(size.Y), tjpfRGBA,
		&out, &n, tjsamp444, int32(quality), tjflagAccurate|tjflagNoRealloc)
	runtime.KeepAlive(img)
	if code != 0 || n > uint64(turboWorst(size)) {
		return nil, false
	}
	return dst[:begin+int(n)], true
}

// turboWorst is what the library asks for at 4:4:4 (tjBufSize): six bytes per pixel of whole blocks.
func turboWorst(size image.Point) int {
	return 6*8*ceilDiv(size.X, 8)*8*ceilDiv(size.Y, 8) + 2048
}

// take gives a handle that nobody uses, a new one if need be.
func take(idle chan uintptr, make func() uintptr) uintptr {
	select {
	case h := <-idle:
		return h
	default:
		return make()
	}
}

func (l *turboLibrary) giveBack(idle chan uintptr, h uintptr) {
	select {
	case idle <- h:
	default:
		l.destroy(h)
	}
}
