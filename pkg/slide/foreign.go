package slide

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/openslide"
)

// foreign is the table of formats that only OpenSlide reads, by how their files begin. No other file is
// shown to it: a library in C gets no bytes from outside that a reader here can take.
var foreign = []struct {
	name  string
	is    func(path string, head []byte) bool
	files string
}{
	{"mirax", isMirax, "3DHISTECH MIRAX"},
	{"hamamatsu-vms", func(_ string, head []byte) bool {
		return bytes.HasPrefix(head, []byte("[Virtual Microscope Specimen]")) || bytes.HasPrefix(head, []byte("[Uncompressed Virtual Microscope Specimen]"))
	}, "Hamamatsu VMS and VMU"},
	{"sakura", startOf("SQLite format 3\x00"), "Sakura SVSLIDE"},
	{"zeiss", startOf("ZISRAWFILE"), "Zeiss CZI"},
}

func startOf(magic string) func(string, []byte) bool {
	return func(_ string, head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

// isMirax looks for the folder beside the file, which itself is only a small picture.
func isMirax(path string, _ []byte) bool {
	if !strings.EqualFold(filepath.Ext(path), ".mrxs") {
		return false
	}
	_, err := os.Stat(filepath.Join(strings.TrimSuffix(path, filepath.Ext(path)), "Slidedat.ini"))
	return err == nil
}

// openForeign opens a file of the table; ok is false where it is none.
func openForeign(path string, head []byte, o Options) (s Slide, ok bool, err error) {
	for _, f := range foreign {
		if f.is(path, head) {
			s, err := openThroughOpenSlide(path, f.name, f.files, o)
			return s, true, err
		}
	}
	return nil, false, nil
}

func openThroughOpenSlide(path, format, what string, o Options) (Slide, error) {
	lib, err := openslide.Find()
	if err != nil {
		return nil, &UnsupportedError{Format: format, Feature: what + " slides without the OpenSlide library: install it (on Debian: apt install libopenslide0), or name it in " + openslide.Variable}
	}
	os, err := lib.Open(path)
	if err != nil {
		return nil, &FormatError{Format: format, Problem: fmt.Sprintf("%v (OpenSlide %s reads this format, and not this file)", err, lib.Version)}
	}
	s, err := newForeignStack(os, o)
	if err != nil {
		os.Close()
	}
	return s, err
}

// foreignTile is the side of the tiles that OpenSlide is asked for.
const foreignTile = 512

func newForeignStack(os *openslide.Slide, o Options) (Slide, error) {
	var levels []plane
	for i, l := range os.Levels {
		if l.Downsample != math.Trunc(l.Downsample) {
			continue // OpenSlide addresses it in level-0 pixels and would resample
		}
		levels = append(levels, &foreignPlane{os, i, pyramid.Size{W: l.Size.X, H: l.Size.Y}, int(l.Downsample)})
	}
	associated := make(map[string]plane)
	for name, size := range os.Associated {
		if int64(size.X)*int64(size.Y) <= maxAssociated {
			associated[name] = &foreignPicture{os, name, pyramid.Size{W: size.X, H: size.Y}}
		}
	}
	number := func(name string) float64 {
		v, _ := strconv.ParseFloat(os.Property(name), 64)
		return v
	}
	c := &candidate{source: source{Closer: os}, options: o}
	return newStack(c, Info{
		Vendor: os.Vendor + " (OpenSlide)", Objective: believableObjective(number("openslide.objective-power")),
		MPP: believable(pyramid.MPP{X: number("openslide.mpp-x"), Y: number("openslide.mpp-y"), Source: pyramid.FromFile}, pyramid.MaxMPP),
	}, levels, associated)
}

// foreignPlane is a level of a slide that OpenSlide has open.
type foreignPlane struct {
	os     *openslide.Slide
	level  int
	size   pyramid.Size
	factor int // level-0 pixels per pixel
}

func (p *foreignPlane) layout() layout {
	return layout{p.size, pyramid.Size{W: foreignTile, H: foreignTile}, "openslide"}
}

func (p *foreignPlane) read(_ context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.layout().bounds(col, row)
	if err != nil {
		return err
	}
	reshape(dst, r)
	return p.os.Read(dst, p.level, r.Min.Mul(p.factor))
}

func (p *foreignPlane) raw(_ context.Context, col, row int, _ []byte) ([]byte, error) {
	_, err := p.layout().bounds(col, row)
	return nil, err
}

// foreignPicture is an associated image.
type foreignPicture struct {
	os   *openslide.Slide
	name string
	size pyramid.Size
}

func (p *foreignPicture) layout() layout { return layout{p.size, p.size, "openslide"} }

func (p *foreignPicture) read(_ context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.layout().bounds(col, row)
	if err != nil {
		return err
	}
	reshape(dst, r)
	return p.os.ReadAssociated(dst, p.name)
}

func (p *foreignPicture) raw(context.Context, int, int, []byte) ([]byte, error) { return nil, nil }
