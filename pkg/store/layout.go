package store

// The whole store, the only place where keys are spelled:
//
//	slides/
//	  <slide>/                                24 hex digits: pyramid.SlideID
//	    slide.json                            manifest, written last by the tiler: the pyramid is whole
//	    pyramid.dzi                           Deep Zoom descriptor
//	    pyramid_files/<level>/<col>_<row>.jpeg
//	    pyramid.szi                           or the pyramid in one zip instead
//	    pyramid-head.szi                      its coarse levels, until that one is whole
//	    thumbnail.jpeg
//	    tissue.png                            tissue map
//	    runs/
//	      <run>/                              16 hex digits: pyramid.RunID
//	        plan.json                         the regions, the model, the parameters
//	        regions/<col>_<row>.smr           probability of one region, checksummed
//	        quarantine/<col>_<row>.json           a region that kills its workers or cannot be read, and why
//	        probability.dzi
//	        probability_files/<level>/<col>_<row>.png   8-bit grey
//	        probability.szi                   or these tiles in one zip instead
//	        overlay.dzi
//	        overlay_files/<level>/<col>_<row>.png       RGBA, indexed where 256 colours are enough
//	        overlay.szi                       or these
//	        mask.tiff
//	        contours.geojson
//	        preview.png
//	        report.json
//	        report.html
//	        run.json                          manifest, written last by the stitcher: the mask is whole
//
// Keys hold identities and numbers only, never a file's or a patient's name.

import (
	"strings"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Kind says what a key holds. Its text is the key's last fixed part: the name of a file, or the name
// of the folder that holds tiles or regions.
type Kind string

// Kinds of one slide.
const (
	SlideManifest  Kind = "slide.json"
	PyramidDZI     Kind = "pyramid.dzi"
	PyramidTile    Kind = "pyramid_files"
	PyramidArchive Kind = "pyramid.szi"
	PyramidHead    Kind = "pyramid-head.szi"
	Thumbnail      Kind = "thumbnail.jpeg"
	Tissue         Kind = "tissue.png"
)

// Kinds of one run.
const (
	Plan               Kind = "plan.json"
	Region             Kind = "regions"
	Quarantine         Kind = "quarantine"
	ProbabilityDZI     Kind = "probability.dzi"
	ProbabilityTile    Kind = "probability_files"
	ProbabilityArchive Kind = "probability.szi"
	OverlayDZI         Kind = "overlay.dzi"
	OverlayTile        Kind = "overlay_files"
	OverlayArchive     Kind = "overlay.szi"
	Mask               Kind = "mask.tiff"
	Contours           Kind = "contours.geojson"
	Preview            Kind = "preview.png"
	Report             Kind = "report.json"
	ReportHTML         Kind = "report.html"
	RunManifest        Kind = "run.json"
)

// The fixed folders of the tree.
const (
	slidesFolder = "slides/"
	runsFolder   = "runs/"
)

// shape says where a kind lives and how its key goes on after the fixed part.
type shape struct {
	inRun  bool   // below a run; otherwise below a slide
	tile   bool   // goes on with /<level>/<col>_<row>
	region bool   // goes on with /<col>_<row>
	ext    string // of a tile's or region's file
}

// shapes is never written to.
var shapes = map[Kind]shape{
	SlideManifest:  {},
	PyramidDZI:     {},
	PyramidTile:    {tile: true, ext: ".jpeg"},
	PyramidArchive: {},
	PyramidHead:    {},
	Thumbnail:      {},
	Tissue:         {},

	Plan:               {inRun: true},
	Region:             {inRun: true, region: true, ext: ".smr"},
	Quarantine:         {inRun: true, region: true, ext: ".json"},
	ProbabilityDZI:     {inRun: true},
	ProbabilityTile:    {inRun: true, tile: true, ext: ".png"},
	ProbabilityArchive: {inRun: true},
	OverlayDZI:         {inRun: true},
	OverlayTile:        {inRun: true, tile: true, ext: ".png"},
	OverlayArchive:     {inRun: true},
	Mask:               {inRun: true},
	Contours:           {inRun: true},
	Preview:            {inRun: true},
	Report:             {inRun: true},
	ReportHTML:         {inRun: true},
	RunManifest:        {inRun: true},
}

// Format is the format of a tile, as Deep Zoom spells it: "jpeg" or "png". Whatever is no tile has none.
func (k Kind) Format() string {
	if s := shapes[k]; s.tile {
		return strings.TrimPrefix(s.ext, ".")
	}
	return ""
}

// Slides is the prefix of everything, to list.
func Slides() string { return slidesFolder }

// SlideKeys names everything that belongs to one slide.
type SlideKeys struct{ id pyramid.SlideID }

// Slide names everything that belongs to the slide.
func Slide(id pyramid.SlideID) SlideKeys { return SlideKeys{id} }

// Prefix begins every key of the slide.
func (s SlideKeys) Prefix() string { return slidesFolder + s.id.String() + "/" }

// Runs begins every key of every run of the slide.
func (s SlideKeys) Runs() string { return s.Prefix() + runsFolder }

// Manifest is the key that says that the pyramid is whole.
func (s SlideKeys) Manifest() string { return s.file(SlideManifest) }

// PyramidDZI is the Deep Zoom descriptor of the pyramid.
func (s SlideKeys) PyramidDZI() string { return s.file(PyramidDZI) }

// PyramidArchive is the whole pyramid in one SZI file.
func (s SlideKeys) PyramidArchive() string { return s.file(PyramidArchive) }

// PyramidHead is an SZI file of the pyramid's coarse levels, from which segmentation reads while the whole
// archive is still on its way.
func (s SlideKeys) PyramidHead() string { return s.file(PyramidHead) }

// PyramidTile is one JPEG tile of the pyramid.
func (s SlideKeys) PyramidTile(t pyramid.Tile) string {
	return Ref{Kind: PyramidTile, Slide: s.id, Tile: t}.Key()
}

// Thumbnail is the small picture of the whole slide.
func (s SlideKeys) Thumbnail() string { return s.file(Thumbnail) }

// Tissue is the tissue map.
func (s SlideKeys) Tissue() string { return s.file(Tissue) }

func (s SlideKeys) file(k Kind) string { return Ref{Kind: k, Slide: s.id}.Key() }

// RunKeys names everything that belongs to one run of one slide.
type RunKeys struct {
	slide pyramid.SlideID
	id    pyramid.RunID
}

// Run names everything that belongs to a run of the slide.
func (s SlideKeys) Run(id pyramid.RunID) RunKeys { return RunKeys{s.id, id} }

// Prefix begins every key of the run.
func (r RunKeys) Prefix() string { return Slide(r.slide).Runs() + r.id.String() + "/" }

// Regions begins the key of every region of the run.
func (r RunKeys) Regions() string { return r.Prefix() + string(Region) + "/" }

// Plan lists the regions, the model and the parameters.
func (r RunKeys) Plan() string { return r.file(Plan) }

// Region is the probability of one region.
func (r RunKeys) Region(at pyramid.Region) string {
	return Ref{Kind: Region, Slide: r.slide, Run: r.id, Region: at}.Key()
}

// Quarantines begins the key of every region that could not be computed.
func (r RunKeys) Quarantines() string { return r.Prefix() + string(Quarantine) + "/" }

// Quarantine says what is wrong with a region that could not be computed.
func (r RunKeys) Quarantine(at pyramid.Region) string {
	return Ref{Kind: Quarantine, Slide: r.slide, Run: r.id, Region: at}.Key()
}

// ProbabilityDZI is the Deep Zoom descriptor of the probability pyramid.
func (r RunKeys) ProbabilityDZI() string { return r.file(ProbabilityDZI) }

// ProbabilityTile is one grey PNG tile of the probability pyramid.
func (r RunKeys) ProbabilityTile(t pyramid.Tile) string { return r.tile(ProbabilityTile, t) }

// ProbabilityArchive is all tiles of the probability pyramid in one SZI file.
func (r RunKeys) ProbabilityArchive() string { return r.file(ProbabilityArchive) }

// OverlayDZI is the Deep Zoom descriptor of the overlay.
func (r RunKeys) OverlayDZI() string { return r.file(OverlayDZI) }

// OverlayTile is one PNG tile of the overlay: RGBA, indexed where 256 colours are enough.
func (r RunKeys) OverlayTile(t pyramid.Tile) string { return r.tile(OverlayTile, t) }

// OverlayArchive is all tiles of the overlay in one SZI file.
func (r RunKeys) OverlayArchive() string { return r.file(OverlayArchive) }

// Mask is the binary mask as a pyramidal TIFF.
func (r RunKeys) Mask() string { return r.file(Mask) }

// Contours is the outline of the mask as GeoJSON.
func (r RunKeys) Contours() string { return r.file(Contours) }

// Preview is a small picture of the slide with its overlay.
func (r RunKeys) Preview() string { return r.file(Preview) }

// Report is the report for programs.
func (r RunKeys) Report() string { return r.file(Report) }

// ReportHTML is the report for people.
func (r RunKeys) ReportHTML() string { return r.file(ReportHTML) }

// Manifest is the key that says that the mask is whole.
func (r RunKeys) Manifest() string { return r.file(RunManifest) }

func (r RunKeys) file(k Kind) string { return Ref{Kind: k, Slide: r.slide, Run: r.id}.Key() }

func (r RunKeys) tile(k Kind, t pyramid.Tile) string {
	return Ref{Kind: k, Slide: r.slide, Run: r.id, Tile: t}.Key()
}
