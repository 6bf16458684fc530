package workers

// What the store keeps of a slide that was cut: the tissue map at the model's scale and, last of all, slide.json.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// sheet is a slide at the model's scale.
type sheet struct {
	frame   segment.Frame
	tissue  *segment.TissueMap
	summary tiler.TissueSummary
}

// frame places the slide at the model's scale, which the operator's word may correct.
func (t *Tile) frame(info slide.Info, p segment.Parameters) (segment.Frame, error) {
	if p.MPP > 0 {
		info.MPP = pyramid.MPP{X: p.MPP, Y: p.MPP, Source: pyramid.FromOperator}
	}
	if err := intake.CheckScale(info, t.Model); err != nil {
		return segment.Frame{}, &Permanent{&intake.Refusal{Err: err}}
	}
	frame, err := segment.NewFrame(info.Size(), info.MPP, t.Model.Description.MPP)
	if err != nil {
		return frame, &Permanent{err}
	}
	return frame, nil
}

// tissueRecord is what slide.json says of the tissue map beside it.
type tissueRecord struct {
	Frame   segment.Frame       `json:"frame"`
	Summary tiler.TissueSummary `json:"summary"`
}

// maxTissueBytes bounds a tissue map: a metre of glass in cells of 20 µm compresses to less.
const maxTissueBytes = 64 << 20

// kept is the sheet that the store holds already, or nil if it holds none for this scale.
func (t *Tile) kept(ctx context.Context, job jobs.Job, p segment.Parameters) (*sheet, error) {
	keys := store.Slide(job.Slide)
	m, err := loadManifest(ctx, t.Bucket, job)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	frame, err := t.frame(m.Info, p)
	if err != nil {
		return nil, err
	}
	var record tissueRecord
	if err := json.Unmarshal(m.Tissue, &record); err != nil || record.Frame != frame {
		return nil, nil
	}
	data, err := store.ReadAll(ctx, t.Bucket, keys.Tissue(), maxTissueBytes)
	if err != nil {
		return nil, err
	}
	tissue, err := segment.DecodeTissueMap(data, frame.Size)
	if err != nil {
		return nil, &Permanent{err}
	}
	return &sheet{frame: frame, tissue: tissue, summary: record.Summary}, nil
}

// keep writes the tissue map and then, once everything before it is durable, the manifest.
func (t *Tile) keep(ctx context.Context, job jobs.Job, s *source, r *tiler.Result, made *sheet) error {
	keys := store.Slide(job.Slide)
	m, err := loadManifest(ctx, t.Bucket, job)
	if err == nil { // slide.json is written once, for the first scale that was asked for
		if err := t.resum(ctx, m, r); err != nil {
			return err
		}
		return t.Bucket.Delete(ctx, keys.PyramidHead())
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	picture, err := made.tissue.Encode()
	if err != nil {
		return err
	}
	if err := t.Bucket.Put(ctx, keys.Tissue(), bytes.NewReader(picture), int64(len(picture))); err != nil {
		return err
	}
	record, err := json.Marshal(tissueRecord{made.frame, made.summary})
	if err != nil {
		return err
	}
	info := s.Info()
	checks, err := json.Marshal(tiler.Check(info, r, made.summary))
	if err != nil {
		return err
	}
	manifest, err := slide.Manifest{
		ID: job.Slide, SHA256: hex.EncodeToString(s.sum[:]), Bytes: s.bytes, Info: info, Pyramid: r.Pyramid,
		Format: r.Format, Quality: r.Quality, Unscanned: r.Unscanned, Tissue: record, QC: checks,
		Sums: slide.Sums{Thumbnail: hex.EncodeToString(r.Thumbnail[:]), Tissue: sumOf(picture)},
	}.Encode()
	if err != nil {
		return err
	}
	if err := store.Sync(ctx, t.Bucket); err != nil {
		return err
	}
	if err := t.Bucket.Put(ctx, keys.Manifest(), bytes.NewReader(manifest), int64(len(manifest))); err != nil {
		return err
	}
	return t.Bucket.Delete(ctx, keys.PyramidHead())
}

// resum writes the thumbnail's sum anew where a cut replaced it by other bytes: another version of the program may
// compress otherwise than the one that wrote slide.json.
func (t *Tile) resum(ctx context.Context, m slide.Manifest, r *tiler.Result) error {
	sum := hex.EncodeToString(r.Thumbnail[:])
	if m.Sums.Thumbnail == "" || m.Sums.Thumbnail == sum {
		return nil
	}
	m.Sums.Thumbnail = sum
	data, err := m.Encode()
	if err != nil {
		return err
	}
	return t.Bucket.Put(ctx, store.Slide(m.ID).Manifest(), bytes.NewReader(data), int64(len(data)))
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
