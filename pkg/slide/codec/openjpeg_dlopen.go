//go:build (linux || darwin) && (amd64 || arm64) && !static

package codec

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"
)

// openJPEGLibrary is OpenJPEG's interface of version 2 (openjpeg.h), as libopenjp2.so.7 has it.
//
// # Memory
//
// What the library takes for one picture, some 30 bytes a pixel, is given back when decode returns.
type openJPEGLibrary struct {
	name              func() string
	createDecompress  func(format int32) uintptr
	destroyCodec      func(codec uintptr)
	defaultParameters func(p *byte)
	setup             func(codec uintptr, p *byte) int32
	readHeader        func(stream, codec uintptr, im **opjImage) int32
	decodeImage       func(codec, stream uintptr, im *opjImage) int32
	endDecompress     func(codec, stream uintptr) int32
	destroyImage      func(im *opjImage)
	streamCreate      func(buffer uintptr, input int32) uintptr
	streamDestroy     func(stream uintptr)
	setRead           func(stream, f uintptr)
	setSkip           func(stream, f uintptr)
	setSeek           func(stream, f uintptr)
	setUser           func(stream, user, free uintptr)
	setLength         func(stream uintptr, n uint64)

	read, skip, seek uintptr  // callbacks into Go; the process has a limited number and never gives one back
	open             sync.Map // by user data: *opjReader
	next             atomic.Uintptr
}

// opjReader is a codestream that the library reads.
type opjReader struct {
	data []byte
	pos  int
}

// opjImage and opjComponent mirror opj_image_t and opj_image_comp_t.
type opjImage struct {
	x0, y0, x1, y1 uint32
	components     uint32
	colourSpace    int32
	first          *opjComponent
	icc            *byte
	iccSize        uint32
}

type opjComponent struct {
	dx, dy, w, h, x0, y0                  uint32
	precision, bpp, signed, resno, factor uint32
	data                                  *int32
	alpha                                 uint16
}

const (
	opjCodecJ2K   = 0
	opjParameters = 16 << 10 // opj_dparameters_t has two paths of 4096 bytes in it
	opjBuffer     = 64 << 10
)

var openJPEGNames = map[string][]string{
	"linux":  {"libopenjp2.so.7"},
	"darwin": {"libopenjp2.7.dylib", "/opt/homebrew/lib/libopenjp2.7.dylib", "/usr/local/lib/libopenjp2.7.dylib"},
}

func loadOpenJPEG() (lib *openJPEGLibrary, path string, err error) {
	for _, path = range openJPEGNames[runtime.GOOS] {
		handle, openErr := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if openErr != nil {
			err = errors.Join(err, openErr)
			continue
		}
		lib, err = bindOpenJPEG(handle)
		return lib, path, err
	}
	return nil, "", err
}

func bindOpenJPEG(handle uintptr) (*openJPEGLibrary, error) {
	l := &openJPEGLibrary{}
	for name, fn := range map[string]any{
		"opj_version": &l.name, "opj_create_decompress": &l.createDecompress, "opj_destroy_codec": &l.destroyCodec,
		"opj_set_default_decoder_parameters": &l.defaultParameters, "opj_setup_decoder": &l.setup,
		"opj_read_header": &l.readHeader, "opj_decode": &l.decodeImage, "opj_end_decompress": &l.endDecompress,
		"opj_image_destroy": &l.destroyImage, "opj_stream_create": &l.streamCreate, "opj_stream_destroy": &l.streamDestroy,
		"opj_stream_set_read_function": &l.setRead, "opj_stream_set_skip_function": &l.setSkip,
		"opj_stream_set_seek_function": &l.setSeek, "opj_stream_set_user_data": &l.setUser,
		"opj_stream_set_user_data_length": &l.setLength,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		purego.RegisterFunc(fn, symbol)
	}
	if !strings.HasPrefix(l.name(), "2.") {
		return nil, fmt.Errorf("version %s, want 2", l.name())
	}
	l.read = purego.NewCallback(l.onRead)
	l.skip = purego.NewCallback(l.onSkip)
	l.seek = purego.NewCallback(l.onSeek)
	return l, nil
}

func (l *openJPEGLibrary) version() string { return l.name() }

// onRead, onSkip and onSeek are what the library calls for bytes; all ones means the end or a refusal.
func (l *openJPEGLibrary) onRead(dst *byte, n uintptr, user uintptr) uintptr {
	r := l.reader(user)
	if r == nil || r.pos >= len(r.data) {
		return ^uintptr(0)
	}
	k := copy(unsafe.Slice(dst, n), r.data[r.pos:])
	r.pos += k
	return uintptr(k)
}

func (l *openJPEGLibrary) onSkip(n int64, user uintptr) int64 {
	r := l.reader(user)
	if r == nil || n < 0 || n > int64(len(r.data)-r.pos) {
		return -1
	}
	r.pos += int(n)
	return n
}

func (l *openJPEGLibrary) onSeek(at int64, user uintptr) int32 {
	r := l.reader(user)
	if r == nil || at < 0 || at > int64(len(r.data)) {
		return 0
	}
	r.pos = int(at)
	return 1
}

func (l *openJPEGLibrary) reader(user uintptr) *opjReader {
	r, _ := l.open.Load(user)
	reader, _ := r.(*opjReader)
	return reader
}

// decode unpacks a codestream whose headers have been checked.
func (l *openJPEGLibrary) decode(codestream []byte, h *j2kHeader) (*j2kPicture, error) {
	user := l.next.Add(1)
	l.open.Store(user, &opjReader{data: codestream})
	defer l.open.Delete(user)
	stream := l.streamCreate(opjBuffer, 1)
	codec := l.createDecompress(opjCodecJ2K)
	if stream == 0 || codec == 0 {
		return nil, j2kUnsupported("out of memory in the library")
	}
	defer l.streamDestroy(stream)
	defer l.destroyCodec(codec)
	l.setRead(stream, l.read)
	l.setSkip(stream, l.skip)
	l.setSeek(stream, l.seek)
	l.setUser(stream, user, 0)
	l.setLength(stream, uint64(len(codestream)))
	parameters := make([]byte, opjParameters)
	l.defaultParameters(&parameters[0])
	var im *opjImage
	if l.setup(codec, &parameters[0]) == 0 || l.readHeader(stream, codec, &im) == 0 || im == nil {
		return nil, j2kDamaged("OpenJPEG cannot read the header")
	}
	defer func() { l.destroyImage(im) }()
	if l.decodeImage(codec, stream, im) == 0 || l.endDecompress(codec, stream) == 0 {
		return nil, j2kDamaged("OpenJPEG cannot decode the stream")
	}
	return im.copy(h)
}

// copy takes the planes out of the library's memory, clipped to 8 bits.
func (im *opjImage) copy(h *j2kHeader) (*j2kPicture, error) {
	if int(im.components) != len(h.components) || im.first == nil {
		return nil, j2kDamaged("%d components decoded, want %d", im.components, len(h.components))
	}
	p := &j2kPicture{}
	for i, c := range unsafe.Slice(im.first, im.components) {
		n := int64(c.w) * int64(c.h)
		if c.data == nil || n < 1 || n > maxJ2KPixels || c.precision != 8 {
			return nil, j2kDamaged("component %d was not decoded", i)
		}
		plane := j2kPlane{int(c.w), int(c.h), make([]byte, n)}
		for k, v := range unsafe.Slice(c.data, n) {
			plane.pix[k] = clamp(v)
		}
		p.planes = append(p.planes, plane)
	}
	return p, nil
}
