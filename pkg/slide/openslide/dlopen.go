//go:build (linux || darwin) && (amd64 || arm64) && !static

package openslide

import (
	"errors"
	"fmt"
	"image"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/slidemill/slidemill/pkg/slide/extent"
)

// Library is a loaded libopenslide.
type Library struct {
	Path, Version string

	version        func() string
	detect         func(path string) string
	open           func(path string) uintptr
	failure        func(s uintptr) string
	levels         func(s uintptr) int32
	dimensions     func(s uintptr, level int32, w, h *int64)
	downsample     func(s uintptr, level int32) float64
	property       func(s uintptr, name string) string
	read           func(s uintptr, dst *uint32, x, y int64, level int32, w, h int64)
	names          func(s uintptr) **byte
	associatedSize func(s uintptr, name string, w, h *int64)
	associated     func(s uintptr, name string, dst *uint32)
	close          func(s uintptr)
}

// libraryNames are the library's names with the version of its interface, the newest first.
var libraryNames = map[string][]string{
	"linux":  {"libopenslide.so.1", "libopenslide.so.0"},
	"darwin": {"libopenslide.1.dylib", "/opt/homebrew/lib/libopenslide.1.dylib", "/usr/local/lib/libopenslide.1.dylib"},
}

// Find looks for the library once.
var Find = sync.OnceValues(find)

func find() (*Library, error) {
	names := libraryNames[runtime.GOOS]
	if named := os.Getenv(Variable); named != "" {
		names = []string{named}
	}
	err := ErrNone
	for _, path := range names {
		handle, openErr := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if openErr != nil {
			err = errors.Join(err, openErr)
			continue
		}
		return bind(handle, path)
	}
	return nil, err
}

// bind looks the functions up first: registering one that is missing panics.
func bind(handle uintptr, path string) (*Library, error) {
	l := &Library{Path: path}
	for name, fn := range map[string]any{
		"openslide_get_version": &l.version, "openslide_detect_vendor": &l.detect, "openslide_open": &l.open,
		"openslide_get_error": &l.failure, "openslide_get_level_count": &l.levels,
		"openslide_get_level_dimensions": &l.dimensions, "openslide_get_level_downsample": &l.downsample,
		"openslide_get_property_value": &l.property, "openslide_read_region": &l.read,
		"openslide_get_associated_image_names":      &l.names,
		"openslide_get_associated_image_dimensions": &l.associatedSize,
		"openslide_read_associated_image":           &l.associated, "openslide_close": &l.close,
	} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %s: %w", ErrNone, path, name, err)
		}
		purego.RegisterFunc(fn, symbol)
	}
	l.Version = l.version()
	return l, nil
}

// Slide is an open slide. It is safe for concurrent use until Close.
type Slide struct {
	Vendor     string
	Levels     []Level
	Associated map[string]image.Point // sizes by name

	lib    *Library
	handle uintptr
}

// Level is one resolution.
type Level struct {
	Size       image.Point
	Downsample float64
}

// Limits on what the library may claim of a slide.
const (
	maxLevels     = extent.MaxLevels
	maxSide       = extent.MaxSide
	maxAssociated = 64
)

// Open opens a slide of a vendor that the library recognises.
func (l *Library) Open(path string) (*Slide, error) {
	vendor := l.detect(path)
	if vendor == "" {
		return nil, errors.New("OpenSlide does not recognise the file")
	}
	s := &Slide{Vendor: vendor, lib: l, handle: l.open(path), Associated: make(map[string]image.Point)}
	if s.handle == 0 {
		return nil, errors.New("OpenSlide does not open the file")
	}
	if err := s.describe(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Slide) describe() error {
	if err := s.failed(); err != nil {
		return err
	}
	n := s.lib.levels(s.handle)
	if n < 1 || n > maxLevels {
		return fmt.Errorf("OpenSlide: %d levels", n)
	}
	for i := range n {
		var w, h int64
		s.lib.dimensions(s.handle, i, &w, &h)
		if w < 1 || h < 1 || w > maxSide || h > maxSide {
			return fmt.Errorf("OpenSlide: level %d of %d by %d pixels", i, w, h)
		}
		s.Levels = append(s.Levels, Level{image.Pt(int(w), int(h)), s.lib.downsample(s.handle, i)})
	}
	names := s.lib.names(s.handle)
	for i := 0; names != nil && i < maxAssociated; i++ {
		p := unsafe.Slice(names, i+1)[i]
		if p == nil {
			break
		}
		name := text(p)
		var w, h int64
		s.lib.associatedSize(s.handle, name, &w, &h)
		if w > 0 && h > 0 && w <= maxSide && h <= maxSide {
			s.Associated[name] = image.Pt(int(w), int(h))
		}
	}
	return s.failed()
}

// text copies a C string, at most 4096 bytes of it.
func text(p *byte) string {
	for n := 0; n < 4096; n++ {
		if b := unsafe.Slice(p, n+1); b[n] == 0 {
			return string(b[:n])
		}
	}
	return ""
}

// failed is the slide's error. Once it has one, every later call fails too: that is how the library is.
func (s *Slide) failed() error {
	if msg := s.lib.failure(s.handle); msg != "" {
		return errors.New("OpenSlide: " + msg)
	}
	return nil
}

// Property is a property's value, empty if there is none.
func (s *Slide) Property(name string) string { return s.lib.property(s.handle, name) }

// Read reads a rectangle of a level into dst's bounds. at is its corner in level-0 pixels.
func (s *Slide) Read(dst *image.RGBA, level int, at image.Point) error {
	w, h := dst.Rect.Dx(), dst.Rect.Dy()
	pixels := make([]uint32, w*h)
	s.lib.read(s.handle, &pixels[0], int64(at.X), int64(at.Y), int32(level), int64(w), int64(h))
	if err := s.failed(); err != nil {
		return err
	}
	onWhite(dst, pixels)
	return nil
}

// ReadAssociated reads a whole associated image into dst, which has its size.
func (s *Slide) ReadAssociated(dst *image.RGBA, name string) error {
	size, ok := s.Associated[name]
	if !ok || size != dst.Rect.Size() {
		return fmt.Errorf("OpenSlide: no image %q of %v pixels", name, dst.Rect.Size())
	}
	pixels := make([]uint32, size.X*size.Y)
	s.lib.associated(s.handle, name, &pixels[0])
	if err := s.failed(); err != nil {
		return err
	}
	onWhite(dst, pixels)
	return nil
}

// onWhite converts premultiplied ARGB. Nothing there stays transparent, anything less than opaque lies on
// the white of glass.
func onWhite(dst *image.RGBA, pixels []uint32) {
	w := dst.Rect.Dx()
	for i, v := range pixels {
		p := dst.Pix[i/w*dst.Stride+4*(i%w):][:4]
		a := byte(v >> 24)
		if a == 0 {
			clear(p)
			continue
		}
		for c := range 3 { // a library may err: more colour than alpha is white, not dark
			p[c] = byte(min(v>>(16-8*c)&255+255-uint32(a), 255))
		}
		p[3] = 255
	}
}

// Close gives the slide back.
func (s *Slide) Close() error {
	s.lib.close(s.handle)
	return nil
}
