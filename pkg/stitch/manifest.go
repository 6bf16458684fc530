package stitch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// ManifestVersion is the version of run.json that this code writes and reads.
const ManifestVersion = 1

// Manifest is what run.json holds: every promise about a run. It is written last, so its presence means
// that the mask is whole. Two equal runs write the same bytes.
type Manifest struct {
	Version     int              `json:"version"`
	Notice      string           `json:"notice"`
	Slide       pyramid.SlideID  `json:"slide"`
	SlideSHA256 string           `json:"slide_sha256"`
	Run         pyramid.RunID    `json:"run"`
	Model       segment.ModelRef `json:"model"`
	Software    string           `json:"software,omitempty"`
	Frame       segment.Frame    `json:"frame"`
	Alignment   Alignment        `json:"alignment"`
	Regions     int              `json:"regions"`        // of the plan, all proved
	Lost        []Lost           `json:"lost,omitempty"` // of the plan, not analysed
	SHA256      Sums             `json:"sha256"`
	// Files are the single objects by their key below the run. The sum of report.json is that of the
	// report with all its seconds set to zero, and its size is not promised: seconds differ between
	// equal runs.
	Files   map[string]File  `json:"files"`
	Pyramid pyramid.DeepZoom `json:"pyramid"` // of both tile pyramids
	Tiles   map[string]Tiles `json:"tiles"`   // by the name of the folder
}

// Alignment places overlay, probability and mask on the slide exactly. The canvas's pixel (x, y) covers
// level-0 pixels from (x·step_x, y·step_y); both share their top left corner. The canvas is rounded up
// to whole pixels, so it reaches a little beyond the slide: a viewer that stretches it to the slide's
// width shifts it by up to step_x at the right edge.
type Alignment struct {
	StepX float64 `json:"step_x"`
	StepY float64 `json:"step_y"`
	// Width and Height are the canvas's in units of the slide's width. OpenSeadragon draws the slide
	// with width 1; added at x 0, y 0 with this width, the overlay lies exactly over it.
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

func align(f segment.Frame) Alignment {
	return Alignment{
		StepX:  f.StepX(),
		StepY:  f.StepY(),
		Width:  float64(f.Size.W) * f.StepX() / float64(f.Slide.W),
		Height: float64(f.Size.H) * f.StepY() / float64(f.Slide.W),
	}
}

// Encode writes the manifest, the same bytes for the same manifest.
func (m *Manifest) Encode() ([]byte, error) {
	out, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode run.json: %w", err)
	}
	return append(out, '\n'), nil
}

// maxManifest bounds a run.json: it holds a dozen files.
const maxManifest = 1 << 20

// DecodeManifest reads what Encode writes, for the given run.
func DecodeManifest(data []byte, slide pyramid.SlideID, run pyramid.RunID) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("run.json: %w", err)
	}
	switch {
	case m.Version != ManifestVersion:
		return nil, fmt.Errorf("run.json: version %d, this program reads version %d", m.Version, ManifestVersion)
	case m.Slide != slide || m.Run != run:
		return nil, fmt.Errorf("run.json: belongs to run %v of slide %v", m.Run, m.Slide)
	case m.Pyramid.Size != m.Frame.Size || m.Pyramid.Tile != overlayTile || m.Frame.Size.Empty():
		return nil, errors.New("run.json: the tile pyramid does not fit the canvas")
	}
	return &m, nil
}

// Load reads the report of a finished run. A run that is not finished is store.ErrNotFound.
func Load(ctx context.Context, b store.Bucket, slide pyramid.SlideID, run pyramid.RunID) (*Report, error) {
	if _, err := LoadManifest(ctx, b, slide, run); err != nil {
		return nil, err
	}
	data, err := store.ReadAll(ctx, b, store.Slide(slide).Run(run).Report(), maxReport)
	if err != nil {
		return nil, fmt.Errorf("read report.json: %w", err)
	}
	return DecodeReport(data)
}

// LoadManifest reads what a finished run promises. A run that is not finished is store.ErrNotFound.
func LoadManifest(ctx context.Context, b store.Bucket, slide pyramid.SlideID, run pyramid.RunID) (*Manifest, error) {
	data, err := store.ReadAll(ctx, b, store.Slide(slide).Run(run).Manifest(), maxManifest)
	if err != nil {
		return nil, fmt.Errorf("read run.json: %w", err)
	}
	return DecodeManifest(data, slide, run)
}
