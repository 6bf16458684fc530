package slide

import (
	"bytes"
	"strings"

	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// format is one row of the table of formats.
type format struct {
	name   string
	detect func(*candidate) bool
	open   func(*candidate) (Slide, error)
}

// formats is the table. The first row that detects a file opens it, so special cases of TIFF come
// before the generic one, which would open such files with misplaced or missing pixels: a wrong picture
// is worse than none. What only OpenSlide reads is in foreign.go.
func formats() []format {
	return []format{
		{"hamamatsu-ndpi", isNDPI, openNDPI},
		{"leica-scn", describes("http://www.leica-microsystems.com/scn/"), openLeica},
		{"philips-tiff", isPhilips, openPhilips},
		{"trestle", softwareIs("MedScan"), openTrestle},
		{"ventana", hasVentanaXMP, openVentana},
		{"aperio", isAperio, openAperio},
		{"generic-tiff", func(c *candidate) bool { return c.tiff != nil }, openGenericTIFF},
		{"szi", startsWith("PK\x03\x04"), openSZI},
		{"png", startsWith("\x89PNG\r\n\x1a\n"), openPNG},
		{"jpeg", startsWith("\xff\xd8\xff"), openJPEG},
	}
}

func describes(part string) func(*candidate) bool {
	return func(c *candidate) bool {
		return c.tiff != nil && strings.Contains(c.first.Text(tiff.TagImageDescription), part)
	}
}

func softwareIs(prefix string) func(*candidate) bool {
	return func(c *candidate) bool {
		return c.tiff != nil && strings.HasPrefix(c.first.Text(tiff.TagSoftware), prefix)
	}
}

// hasVentanaXMP looks for the iScan element that Ventana keeps in XMP (tag 700).
func hasVentanaXMP(c *candidate) bool {
	return c.tiff != nil && bytes.Contains(c.first.Bytes(tagXMP), []byte("<iScan"))
}

func startsWith(magic string) func(*candidate) bool {
	return func(c *candidate) bool { return bytes.HasPrefix(c.head, []byte(magic)) }
}

// openTrestle has OpenSlide read a Trestle slide, whose tiles overlap.
func openTrestle(c *candidate) (Slide, error) {
	if c.path == "" {
		return nil, &UnsupportedError{Format: "trestle", Feature: "Trestle slides that are no file on this machine"}
	}
	s, err := openThroughOpenSlide(c.path, "trestle", "Trestle", c.options)
	if err != nil {
		return nil, err
	}
	return s, c.Close()
}
