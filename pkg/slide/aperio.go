package slide

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/tiff"
)

// isAperio recognises what Aperio and Leica GT450 scanners write: a tiled first directory whose
// description begins with the name.
func isAperio(c *candidate) bool {
	return c.tiff != nil && c.first.Has(tagTileWidth) &&
		strings.HasPrefix(c.first.Text(tiff.TagImageDescription), "Aperio")
}

const tagTileWidth = 322

// openAperio opens an SVS. Every tiled directory is a level (their reduced levels do not carry the
// reduced-image bit), every stripped one an associated image. Tiles of no bytes, which some of their
// encoders leave behind, count as not scanned like any other missing tile; OpenSlide fills them in from
// the finer level, but invented pixels have no place in a measurement.
func openAperio(c *candidate) (Slide, error) {
	var levels []*tiff.Image
	var stripped []*tiff.Directory
	for i, d := range c.tiff.Directories {
		if !d.Has(tagTileWidth) {
			stripped = append(stripped, d)
			continue
		}
		im, err := c.tiff.Image(d)
		if err != nil {
			return nil, fmt.Errorf("directory %d: %w", i, err)
		}
		levels = append(levels, im)
	}
	sortLevels(levels)
	desc := parseAperio(c.first.Text(tiff.TagImageDescription))
	info := Info{Vendor: "aperio", MPP: desc.mpp, Objective: desc.objective}
	return newTIFFStack(c, info, levels, aperioAssociated(c, stripped))
}

// aperioAssociated names the stripped directories. NewSubfileType says it (1 label, 9 macro), on GT450
// too, whose descriptions are empty; older files say it in the description's second line. A first
// one with neither is the thumbnail. If label or macro are still missing and the last two
// directories are nameless, they are label and macro, in that order.
func aperioAssociated(c *candidate, stripped []*tiff.Directory) map[string]plane {
	names := make([]string, len(stripped))
	for i, d := range stripped {
		names[i] = aperioName(d)
	}
	if len(names) > 0 && names[0] == "" && len(c.tiff.Directories) > 1 && stripped[0] == c.tiff.Directories[1] {
		names[0] = "thumbnail"
	}
	if n := len(names); n >= 2 && names[n-1] == "" && names[n-2] == "" {
		names[n-2], names[n-1] = "label", "macro"
	}
	found := make(map[string]plane)
	for i, name := range names {
		if im, ok := readAssociated(c.tiff, stripped[i]); ok && name != "" && found[name] == nil {
			found[name] = im
		}
	}
	return found
}

func aperioName(d *tiff.Directory) string {
	const label, macro = 1, 9
	switch d.Uint(tiff.TagNewSubfileType, 0) {
	case label:
		return "label"
	case macro:
		return "macro"
	}
	_, second, _ := strings.Cut(d.Text(tiff.TagImageDescription), "\n")
	for _, name := range []string{"label", "macro"} {
		if strings.HasPrefix(strings.TrimSpace(second), name+" ") {
			return name
		}
	}
	return ""
}

// aperioDescription is what is kept of an Aperio ImageDescription. The rest of it may name the
// patient, the slide, the user and the time, and is dropped here.
type aperioDescription struct {
	mpp       pyramid.MPP
	objective float64
}

// parseAperio reads "…header…|AppMag = 20|MPP = 0.4990|…". Of a doubled key the last counts, and
// numbers may have a decimal comma, both as OpenSlide has it. A value that no microscope has counts
// as absent.
func parseAperio(text string) (d aperioDescription) {
	for _, part := range strings.Split(text, "|")[1:] {
		key, value, _ := strings.Cut(part, "=")
		v, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(value), ",", ".", 1), 64)
		if err != nil {
			continue
		}
		switch strings.TrimSpace(key) {
		case "MPP":
			d.mpp = believable(pyramid.MPP{X: v, Y: v, Source: pyramid.FromFile}, pyramid.MaxMPP)
		case "AppMag":
			d.objective = believableObjective(v)
		}
	}
	return d
}

// maxObjective is the strongest objective that a header is believed to have been scanned with.
const maxObjective = 200
