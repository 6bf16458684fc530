package segment

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/qc"
	"github.com/slidemill/slidemill/pkg/segment/fingerprint"
)

// Plan is everything that decides the result of a run, as pure data.
type Plan struct {
	Version    int             `json:"version"`
	Slide      pyramid.SlideID `json:"slide"`
	Run        pyramid.RunID   `json:"run"`
	Model      ModelRef        `json:"model"`
	Parameters Parameters      `json:"parameters"`
	Frame      Frame           `json:"frame"`
	Field      Field           `json:"field"`
	Side       int             `json:"side"` // of a region: RegionSide's choice, at most Parameters.Region
	// Regions are the cells of Grid that hold tissue, in the order in which they are worked on.
	Regions []pyramid.Region `json:"regions"`
	// Tissue is the tissue map as TissueMap.Encode writes it: it gates the probability.
	Tissue []byte `json:"tissue"`
	// QC are the checks of the slide that follow from this tissue map, and Found is what the tiler says of it. Plans from
	// before they were kept have neither.
	QC    []qc.Finding    `json:"qc,omitempty"`
	Found json.RawMessage `json:"found,omitempty"`
	Batching
}

// Batching deals regions out to jobs, in their order: Lead jobs of LeadSize at the beginning, where whoever takes one reads
// the tiles between its regions once, and jobs of BatchSize for the rest, so that nobody waits long for another at
// the end. The last job may have fewer. A lead has a price: a stat slide waits until a worker has done LeadSize regions of
// another slide, not one.
type Batching struct {
	Lead      int `json:"lead,omitempty"`
	LeadSize  int `json:"lead_size,omitempty"`
	BatchSize int `json:"batch_size"`
}

// led is how many regions are in the jobs of the lead.
func (b Batching) led() int { return b.Lead * b.LeadSize }

// Version is the format of a plan that deals its regions out so: the earliest that can say it, as a program of before
// reads no later one, and may be at work on the same queue while a site is upgraded.
func (b Batching) Version() int {
	if b.Lead > 0 {
		return 2
	}
	return 1
}

// latestVersion is the latest format that this program reads.
const latestVersion = 2

// ErrNewer says that a newer version of the program made it: nothing is wrong with it.
var ErrNewer = errors.New("a newer version of this program made it")

// Grid is the grid of regions over the canvas.
func (p *Plan) Grid() pyramid.Grid { return pyramid.Grid{Size: p.Frame.Size, Tile: p.Side} }

// Canvas is the rectangle of model pixels that a region's network reads: its cell and the halo. All
// regions of a plan have canvases of one size, so that one network and one arena serve them all.
func (p *Plan) Canvas(r pyramid.Region) image.Rectangle {
	size := canvasSize(p.Frame.Size, p.Side, p.Field)
	at := image.Pt(r.Col*p.Side, r.Row*p.Side)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(size.W, size.H))}.Inset(-p.Field.Halo)
}

// Sight is the rectangle of model pixels that has to be read for a region: what its network reads, and
// what the comparison with the training images looks at.
func (p *Plan) Sight(r pyramid.Region, look *fingerprint.Fingerprint) image.Rectangle {
	canvas := p.Canvas(r)
	if look == nil {
		return canvas
	}
	return canvas.Union(fingerprint.Cover(p.Grid().Bounds(r.Col, r.Row)))
}

// Matters reports whether a region's map can depend on what a rectangle of model pixels shows. The map is about
// tissue of the region alone, and what it says of a pixel depends on what lies within reach of it and on nothing else.
func (p *Plan) Matters(r pyramid.Region, tissue *TissueMap, shown image.Rectangle) bool {
	return tissue.Any(shown.Inset(-p.reach()).Intersect(p.Grid().Bounds(r.Col, r.Row)), Tissue)
}

// reach is how far, along either axis, lies what a pixel's results depend on: within the network's halo, or in any of
// the windows that hold it, or in the patch of its block.
func (p *Plan) reach() int { return max(p.Field.Halo, p.Parameters.Windows.Side, fingerprint.Reach) }

// canvasSize is the size of a region's canvas without its halo: the side, or what a slide smaller than
// that needs.
func canvasSize(slide pyramid.Size, side int, f Field) pyramid.Size {
	fit := func(length int) int { return min(side, pyramid.CeilDiv(length, f.Align)*f.Align) }
	return pyramid.Size{W: fit(slide.W), H: fit(slide.H)}
}

// RegionSide is the side of at most most pixels with which a slide costs the least arithmetic: large
// regions compute little halo twice, but reach far beyond the slide's edge if they do not divide it.
// most is a multiple of the field's alignment, and so is the result.
func RegionSide(slide pyramid.Size, most int, f Field) int {
	best, least := most, int64(math.MaxInt64)
	for side := most; side >= max(most/2, f.Align); side -= f.Align {
		grid, canvas := pyramid.Grid{Size: slide, Tile: side}, canvasSize(slide, side, f)
		cost := int64(grid.Cells()) * int64(canvas.W+2*f.Halo) * int64(canvas.H+2*f.Halo)
		if cost < least {
			best, least = side, cost
		}
	}
	return best
}

// TissueMap reads the map that gates the probability.
func (p *Plan) TissueMap() (*TissueMap, error) { return DecodeTissueMap(p.Tissue, p.Frame.Size) }

// RegionSize is what is left of a region's cell inside the canvas: the size of its map.
func (p *Plan) RegionSize(r pyramid.Region) pyramid.Size {
	b := p.Grid().Bounds(r.Col, r.Row)
	return pyramid.Size{W: b.Dx(), H: b.Dy()}
}

// Batches is the number of segment jobs.
func (p *Plan) Batches() int { return p.Lead + pyramid.CeilDiv(len(p.Regions)-p.led(), p.BatchSize) }

// Batch is the regions of one segment job.
func (p *Plan) Batch(i int) []pyramid.Region {
	if i < p.Lead {
		return p.Regions[i*p.LeadSize:][:p.LeadSize]
	}
	rest := p.Regions[p.led():]
	i -= p.Lead
	return rest[i*p.BatchSize : min((i+1)*p.BatchSize, len(rest))]
}

// Encode writes the plan as deterministic JSON.
func (p *Plan) Encode() ([]byte, error) { return json.MarshalIndent(p, "", " ") }

// maxPlanRegions bounds a plan read from outside: 2^22 regions of 256 pixels are a square metre.
const maxPlanRegions = 1 << 22

// DecodePlan reads what Encode writes and checks that it holds together.
func DecodePlan(data []byte) (*Plan, error) {
	var p Plan
	var format struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &format); err == nil && format.Version > latestVersion { // whose fields may be of other types
		return nil, fmt.Errorf("plan: version %d, this program reads versions up to %d: %w", format.Version, latestVersion, ErrNewer)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	var found bytes.Buffer
	if len(p.Found) > 0 { // as it was before Encode indented it
		if err := json.Compact(&found, p.Found); err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		p.Found = found.Bytes()
	}
	return &p, nil
}

func (p *Plan) validate() error {
	if p.Version < p.Batching.Version() {
		return fmt.Errorf("version %d cannot say what it says", p.Version)
	}
	if err := p.Parameters.Validate(); err != nil {
		return err
	}
	frame, err := NewFrame(p.Frame.Slide, p.Frame.MPP, p.Frame.Model)
	if err != nil {
		return err
	}
	switch {
	case frame != p.Frame:
		return errors.New("canvas size does not follow from slide and scale")
	case p.Field.Align < 1 || p.Field.Halo < 0 || p.Field.Halo > maxSide || p.Field.Halo%p.Field.Align != 0 || p.Side%p.Field.Align != 0:
		return fmt.Errorf("region %d and halo %d are not multiples of the network's stride %d", p.Side, p.Field.Halo, p.Field.Align)
	case p.Side < p.Field.Align || p.Side > p.Parameters.Region:
		return fmt.Errorf("region side %d: want %d to %d", p.Side, p.Field.Align, p.Parameters.Region)
	case p.Parameters.Windows != (Windows{}) && p.Field != p.Parameters.Windows.field():
		return fmt.Errorf("halo %d and stride %d do not follow from windows of %d", p.Field.Halo, p.Field.Align, p.Parameters.Windows.Side)
	case len(p.Regions) > maxPlanRegions:
		return errors.New("impossible number of regions")
	}
	if err := p.Batching.validate(len(p.Regions)); err != nil {
		return err
	}
	return p.validateRegions()
}

func (b Batching) validate(regions int) error {
	size := max(b.LeadSize, 1)
	if b.BatchSize < 1 || b.Lead < 0 || b.LeadSize < 0 || b.Lead > 0 && b.LeadSize == 0 || b.Lead > regions/size {
		return fmt.Errorf("%d regions do not make %d batches of %d and others of %d", regions, b.Lead, b.LeadSize, b.BatchSize)
	}
	return nil
}

func (p *Plan) validateRegions() error {
	grid, seen := p.Grid(), make(map[pyramid.Region]bool, len(p.Regions))
	for _, r := range p.Regions {
		if !grid.Contains(r.Col, r.Row) || seen[r] {
			return fmt.Errorf("region %v is outside the grid or listed twice", r)
		}
		seen[r] = true
	}
	return nil
}
