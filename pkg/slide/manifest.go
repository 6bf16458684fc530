package slide

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// ManifestVersion is the version of slide.json that this code writes. It reads this one only.
const ManifestVersion = 1

// MaxManifest is the largest slide.json that is read, in bytes. A slide of 32 levels with tissue and
// QC sections takes some 20 kB.
const MaxManifest = 4 << 20

// Manifest is what slide.json in the store holds. The tiler writes it last: its presence means that
// the pyramid is whole. The slide's file name is not in it, because a file name may hold a patient's;
// the command-line report adds it.
type Manifest struct {
	Version int              `json:"version"`
	ID      pyramid.SlideID  `json:"id"`
	SHA256  string           `json:"sha256"` // of the slide's file, 64 lower-case hexadecimal digits
	Bytes   int64            `json:"bytes"`  // size of the slide's file
	Info    Info             `json:"info"`
	Pyramid pyramid.DeepZoom `json:"pyramid"`
	Format  string           `json:"format"`            // of the pyramid's tiles: "jpeg"
	Quality int              `json:"quality,omitempty"` // JPEG quality of re-encoded tiles; 0: all copied
	// Unscanned are the level-0 pixels that the scanner never scanned or that could not be read.
	Unscanned int64           `json:"unscanned_pixels,omitempty"`
	Tissue    json.RawMessage `json:"tissue,omitempty"` // the tiler's summary of its tissue map
	QC        json.RawMessage `json:"qc,omitempty"`     // the tiler's checks, in the report's form
	Sums      Sums            `json:"sums,omitzero"`    // none where an older version wrote it
}

// Sums are the SHA-256 of what lies beside the pyramid and proves nothing by itself, in hexadecimal digits.
type Sums struct {
	Thumbnail string `json:"thumbnail"`
	Tissue    string `json:"tissue"`
}

// Encode writes the manifest as indented JSON, the same bytes for the same manifest.
func (m Manifest) Encode() ([]byte, error) {
	m.Version = ManifestVersion
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("encode slide.json: %w", err)
	}
	out, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode slide.json: %w", err)
	}
	return append(out, '\n'), nil
}

// DecodeManifest reads what Encode writes. The bytes come from a store that others can write to, so
// every field that later sizes something is checked here.
func DecodeManifest(data []byte) (Manifest, error) {
	var m Manifest
	if len(data) > MaxManifest {
		return m, fmt.Errorf("slide.json: %d bytes, more than %d", len(data), MaxManifest)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("slide.json: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Manifest{}, errors.New("slide.json: trailing bytes")
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, fmt.Errorf("slide.json: %w", err)
	}
	return m, nil
}

// Validate reports the first thing in the manifest that cannot be.
func (m Manifest) Validate() error {
	switch {
	case m.Version != ManifestVersion:
		return fmt.Errorf("version %d, this program reads version %d", m.Version, ManifestVersion)
	case m.Bytes < 0 || m.Unscanned < 0:
		return errors.New("negative size")
	case m.Format == "" || strings.ContainsAny(m.Format, "/\\. "):
		return fmt.Errorf("tile format %q", m.Format)
	case m.Quality < 0 || m.Quality > 100:
		return fmt.Errorf("quality %d is outside 0 to 100", m.Quality)
	}
	if err := m.validateID(); err != nil {
		return err
	}
	return m.validateSizes()
}

// validateID checks that the id is the one the hash gives: the two never contradict each other.
func (m Manifest) validateID() error {
	raw, err := hex.DecodeString(m.SHA256)
	if err != nil || len(raw) != 32 || strings.ToLower(m.SHA256) != m.SHA256 {
		return fmt.Errorf("sha256 %q: want 64 lower-case hexadecimal digits", m.SHA256)
	}
	if id := pyramid.NewSlideID([32]byte(raw)); id != m.ID {
		return fmt.Errorf("id %s does not belong to sha256 %s", m.ID, m.SHA256)
	}
	return nil
}

func (m Manifest) validateSizes() error {
	if len(m.Info.Levels) == 0 || len(m.Info.Levels) > maxLevels {
		return fmt.Errorf("%d levels, want 1 to %d", len(m.Info.Levels), maxLevels)
	}
	for i, l := range m.Info.Levels {
		if !plausible(l.Size) || !plausible(l.TileSize) || l.Downsample < 1 {
			return fmt.Errorf("level %d: impossible size %s, tile %s, downsample %g", i, l.Size, l.TileSize, l.Downsample)
		}
	}
	if m.Info.MPP.Known() {
		if err := m.Info.MPP.Validate(); err != nil {
			return err
		}
	}
	if m.Pyramid.Size != m.Info.Size() {
		return fmt.Errorf("pyramid of %s over a slide of %s", m.Pyramid.Size, m.Info.Size())
	}
	if m.Pyramid.Tile < 1 || m.Pyramid.Tile > maxSide {
		return fmt.Errorf("tile side %d", m.Pyramid.Tile)
	}
	if m.Unscanned > m.Pyramid.Size.Pixels() {
		return fmt.Errorf("%d unscanned pixels on a slide of %s", m.Unscanned, m.Pyramid.Size)
	}
	return nil
}
