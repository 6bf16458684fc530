package workers

import (
	"context"
	"errors"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/szi"
	"github.com/slidemill/slidemill/pkg/tiler"
)

// cut cuts a slide whose pyramid is not in the store, or not with a tissue map of this scale: then it is read
// again, equal bytes replace equal ones, and the map goes into the plan only.
//
// As soon as the levels are there from which tissue is found and regions are read, the regions are planned and
// enqueued (but see PyramidFirst); slide.json is written when all is there. The run is stitched when that and
// the last of its batches are done.
func (t *Tile) cut(ctx context.Context, job jobs.Job, p segment.Parameters) error {
	s, err := t.open(ctx, job)
	if err != nil {
		return permanentIfSlide(err)
	}
	defer s.Close()
	frame, err := t.frame(s.Info(), p)
	if err != nil {
		return err
	}
	made := &sheet{frame: frame}
	var plan *segment.Plan
	begin := func(ctx context.Context, r *tiler.Result) (err error) {
		if err := s.unchanged(); err != nil { // no region is to be segmented of another slide
			return err
		}
		made.tissue, made.summary = tiler.FindTissue(r, frame, tiler.DefaultTissue())
		if plan, err = t.plan(ctx, job, p, made); err != nil {
			return err
		}
		if err = reopen(ctx, t.Queue, job, plan); err != nil {
			return err
		}
		return t.enqueue(ctx, job, plan)
	}
	news := &progress{events: t.Events, job: job}
	result, err := t.write(ctx, tiler.Config{
		Slide: s.Slide, Bucket: t.Bucket, ID: job.Slide, Workers: t.Workers, Early: t.early(begin),
		Progress: func(done, total int64) { news.tell(ctx, "tiles", done, total) },
	}, frame)
	if err == nil && plan == nil {
		err = begin(ctx, result)
	}
	if changed := s.unchanged(); changed != nil { // first: half of another file looks damaged
		return changed
	}
	if err != nil {
		return permanentIfSlide(err)
	}
	if err := t.keep(ctx, job, s, result, made); err != nil {
		return err
	}
	_, err = finish(ctx, t.Queue, job, plan)
	return err
}

// early is what the tiler calls before the finest levels are cut, if regions are not to wait for them.
func (t *Tile) early(begin func(context.Context, *tiler.Result) error) func(context.Context, *tiler.Result) error {
	if t.PyramidFirst {
		return nil
	}
	return begin
}

// write cuts the pyramid into the store: tile by tile, or into one archive where the store wants that.
func (t *Tile) write(ctx context.Context, c tiler.Config, frame segment.Frame) (*tiler.Result, error) {
	layout, err := tiler.Layout(c)
	if err != nil {
		return nil, err
	}
	c.EarlyLevel = tiler.SegmentLevel(layout, frame)
	if szi.Packs(t.Bucket) {
		return t.pack(ctx, c, tiler.Descriptor(layout, store.PyramidTile.Format()))
	}
	r, err := tiler.Cut(ctx, c)
	if err == nil { // an archive from before --pack was changed, perhaps a damaged one, is of no use any more
		err = t.Bucket.Delete(ctx, store.Slide(c.ID).PyramidArchive())
	}
	return &r, err
}

// pack cuts the pyramid into one archive. Its coarse levels go into another one first, because an archive
// shows nothing before it is whole; that one is taken away when slide.json is there (see keep).
func (t *Tile) pack(ctx context.Context, c tiler.Config, descriptor []byte) (_ *tiler.Result, err error) {
	if c.Early != nil {
		var head *szi.Upload
		if head, err = t.archive(ctx, store.Slide(c.ID).PyramidHead(), descriptor); err != nil {
			return nil, err
		}
		early := c.Early
		c.Head, c.Early = head, func(ctx context.Context, r *tiler.Result) error {
			if err := head.Commit(); err != nil {
				return err
			}
			return early(ctx, r)
		}
		defer func() { err = errors.Join(err, head.Abort()) }()
	}
	whole, err := t.archive(ctx, store.Slide(c.ID).PyramidArchive(), descriptor)
	if err != nil {
		return nil, err
	}
	c.Pack = whole
	r, err := tiler.Cut(ctx, c)
	if err != nil {
		return nil, errors.Join(err, whole.Abort())
	}
	return &r, whole.Commit()
}

func (t *Tile) archive(ctx context.Context, key string, descriptor []byte) (*szi.Upload, error) {
	return szi.Create(ctx, t.Bucket, key, szi.Image{Folder: szi.Folder(key), Format: store.PyramidTile.Format(), Descriptor: descriptor})
}
