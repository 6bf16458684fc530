package stitch

import (
	"context"
	"io"
	"iter"
	"strconv"

	"github.com/slidemill/slidemill/pkg/export"
	"github.com/slidemill/slidemill/pkg/stitch/contour"
)

// The classification of contours. QuPath knows "Tumor" and offers it everywhere.
var contourClass = export.Class{Name: "Tumor", Color: [3]uint8{200, 0, 0}}

// provenance is what every exported object carries, so that it can be traced when it has left us.
func provenance(r *Report) map[string]string {
	return map[string]string{
		"slide_sha256": r.Slide.SHA256,
		"model":        r.Run.Model.Name + " " + r.Run.Model.Version,
		"model_sha256": r.Run.Model.SHA256,
		"run":          r.Run.ID,
		"threshold":    strconv.FormatFloat(r.Run.Parameters.Threshold, 'g', -1, 64),
		"intended_use": Notice,
	}
}

// headOf is what the file as a whole says: where it comes from, and where nobody has looked that this is so. Without
// outlines it would otherwise be the file of a slide without carcinoma.
func headOf(r *Report) map[string]string {
	head := provenance(r)
	if none := r.NoStatement(); none != "" {
		head["no_statement"] = none
	}
	return head
}

// writeContours writes the outlines, lesions first, in the order of their relevance. A lesion is a
// locked annotation; a focus is a detection, which QuPath draws by the hundred thousand.
func writeContours(ctx context.Context, dst io.Writer, list []outline, e edges, r *Report) error {
	metadata := provenance(r)
	g, err := export.NewGeoJSON(dst, headOf(r))
	if err != nil {
		return err
	}
	for _, o := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := g.Write(o.feature(e, metadata)); err != nil {
			return err
		}
	}
	return g.Close()
}

func (o *outline) feature(e edges, metadata map[string]string) export.Feature {
	f := export.Feature{
		ID: o.ID, Type: export.Detection, Class: contourClass, Metadata: metadata,
		Shell: e.ring(o.Shell),
		Measurements: []export.Measurement{
			{Name: "area_mm2", Value: o.AreaMM2},
			{Name: "longest_mm", Value: o.LongestMM},
			{Name: "mean_probability", Value: o.MeanProbability},
			{Name: "max_probability", Value: o.MaxProbability},
			{Name: "uncertain", Value: o.Uncertain},
		},
	}
	if o.lesion {
		f.Type, f.Locked, f.Name = export.Annotation, true, "AI carcinoma "+o.Name
	} else {
		f.Metadata = map[string]string{"run": metadata["run"], "intended_use": Notice}
	}
	for _, h := range o.Holes {
		f.Holes = append(f.Holes, e.ring(h))
	}
	return f
}

// ring yields a ring in level-0 pixels.
func (e edges) ring(r contour.Ring) iter.Seq[export.Point] {
	return func(yield func(export.Point) bool) {
		for p := range r.Points() {
			if !yield(e.point(p)) {
				return
			}
		}
	}
}
