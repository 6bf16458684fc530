package workers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// Tile cuts a slide into its pyramid, plans its regions and enqueues them.
type Tile struct {
	Bucket  store.Bucket
	Queue   jobs.Queue
	Events  jobs.Events
	Model   *segment.Model
	Workers int          // tiles made at once
	Remote  slide.Remote // opens slides that are no files; nil where there are none
	// PyramidFirst holds the regions back until the whole pyramid is written. The results are the same.
	PyramidFirst bool
	// Behind, if not nil, hears of work that was left behind (1), stuck in a read that does not end, and of its end (-1).
	Behind func(change int)

	limit *allowance // nil: cutAllowance
	clock *clock     // of the slide in hand, see cutInTime
}

var _ Handler = (*Tile)(nil)

// Stage implements Handler.
func (t *Tile) Stage() jobs.Stage { return jobs.Tile }

// Do implements Handler. What is already in the store is not done again.
func (t *Tile) Do(ctx context.Context, job jobs.Job) error {
	var ticket intake.Ticket
	if err := json.Unmarshal(job.Parameters, &ticket); err != nil {
		return &Permanent{fmt.Errorf("parameters: %w", err)}
	}
	if err := sameModel(ticket.Model, t.Model.Ref); err != nil {
		return err
	}
	p := t.Model.Settle(ticket.Parameters)
	if err := p.Validate(); err != nil {
		return &Permanent{err}
	}
	job.Run = p.RunID(job.Slide, t.Model.Ref)
	kept, err := t.kept(ctx, job, p)
	if err != nil {
		return err
	}
	if kept == nil {
		return t.cutInTime(ctx, job, p)
	}
	plan, err := loadPlan(ctx, t.Bucket, job)
	if errors.Is(err, store.ErrNotFound) {
		plan, err = t.plan(ctx, job, p, kept)
	}
	if err != nil {
		return err
	}
	err = t.handOver(ctx, job, plan)
	if errors.Is(err, jobs.ErrInvalid) { // an older program counted the parts otherwise
		if err = reopen(ctx, t.Queue, job, plan); err == nil {
			err = t.handOver(ctx, job, plan)
		}
	}
	return err
}

// sameModel refuses a job that wants another model than this worker has. Another worker may have it, so
// the job is not dead.
func sameModel(want string, have segment.ModelRef) error {
	if want == have.SHA256 {
		return nil
	}
	return &intake.Refusal{Err: fmt.Errorf("the run wants the model %.12s…, this worker has %s %s (%.12s…): start it with the same --model", want, have.Name, have.Version, have.SHA256)}
}

// plan writes the plan of a slide whose tissue is known.
func (t *Tile) plan(ctx context.Context, job jobs.Job, p segment.Parameters, s *sheet) (*segment.Plan, error) {
	plan, err := tiler.MakePlan(tiler.PlanConfig{
		Slide: job.Slide, Model: t.Model.Ref, Parameters: p,
		Frame: s.frame, Field: t.Model.Field, Tissue: s.tissue,
	})
	if err != nil {
		return nil, &Permanent{err}
	}
	data, err := plan.Encode()
	if err != nil {
		return nil, err
	}
	key := store.Slide(job.Slide).Run(job.Run).Plan()
	return plan, t.Bucket.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

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

// handOver enqueues the regions of a slide that is whole, and ends what a tiler that was lost behind slide.json left
// to do: the archive of the coarse levels is of no more use.
func (t *Tile) handOver(ctx context.Context, job jobs.Job, plan *segment.Plan) error {
	if err := t.Bucket.Delete(ctx, store.Slide(job.Slide).PyramidHead()); err != nil {
		return err
	}
	if err := t.enqueue(ctx, job, plan); err != nil {
		return err
	}
	_, err := finish(ctx, t.Queue, job, plan)
	return err
}

// enqueue publishes the batches of regions.
func (t *Tile) enqueue(ctx context.Context, job jobs.Job, plan *segment.Plan) error {
	announce(ctx, t.Events, jobs.Event{
		Slide: job.Slide, Run: job.Run, Stage: jobs.Segment, State: jobs.Progress, Total: int64(len(plan.Regions)), Unit: "regions",
	})
	for i := range plan.Batches() {
		if err := publish(ctx, t.Queue, handOn(job, jobs.NewSegment(job.Slide, job.Run, i))); err != nil {
			return fmt.Errorf("enqueue batch %d: %w", i, err)
		}
	}
	return nil
}
