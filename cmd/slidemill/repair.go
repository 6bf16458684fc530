package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/szi"
)

// harm is what of a slide does not keep its promises, as far as it can be made again.
type harm struct {
	slide bool
	runs  []pyramid.RunID
}

func (d harm) none() bool { return !d.slide && len(d.runs) == 0 }

// damageOf reads from a verification's error what is damaged: nothing if the store could not be read. Runs stand on
// their slide's pyramid, so all of them are damaged with it: the next order of any makes the pyramid again.
func damageOf(ctx context.Context, b store.Bucket, id pyramid.SlideID, cause error) (d harm, err error) {
	if broken := (*stitch.BrokenError)(nil); errors.As(cause, &broken) {
		d.slide, d.runs = broken.Slide, broken.Runs
	}
	for _, e := range archiveErrors(cause) {
		if !errors.Is(e, szi.ErrDamaged) {
			return harm{}, cause
		}
		if d.slide = d.slide || e.run == (pyramid.RunID{}); e.run != (pyramid.RunID{}) {
			d.runs = append(d.runs, e.run)
		}
	}
	lost := false
	if errors.Is(cause, store.ErrNotFound) {
		_, err := b.Stat(ctx, store.Slide(id).Manifest())
		lost = errors.Is(err, store.ErrNotFound)
	}
	if !d.slide && !lost {
		return d, cause
	}
	if d.runs, err = finishedRuns(ctx, b, id); err != nil {
		return harm{}, errors.Join(cause, err)
	}
	d.slide = true
	return d, cause
}

// archiveErrors finds every archiveError in joined errors.
func archiveErrors(err error) (all []*archiveError) {
	if e, ok := err.(*archiveError); ok {
		return []*archiveError{e}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			all = append(all, archiveErrors(e)...)
		}
	}
	return all
}

// takeBack removes the manifests of what is damaged, and the plans and archives of its runs, which are made again from
// slide and regions. Nothing else goes: without the slide's file the rest is all there is. The runs go first, or one
// could show as done over a slide that is not there, and an order of them is closed as failed, so that it waits for
// nobody and the next one is taken.
func (d harm) takeBack(ctx context.Context, b store.Bucket, id pyramid.SlideID) error {
	for _, run := range d.runs {
		keys := store.Slide(id).Run(run)
		for _, key := range []string{keys.Manifest(), keys.Plan(), keys.ProbabilityArchive(), keys.OverlayArchive()} {
			if err := b.Delete(ctx, key); err != nil {
				return err
			}
		}
	}
	if d.slide {
		if err := takePyramidBack(ctx, b, id); err != nil {
			return err
		}
	}
	ledger := intake.Ledger{Bucket: b}
	order, err := ledger.Entry(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !d.slide && !slices.Contains(d.runs, order.Run) {
		return nil
	}
	if err != nil {
		return err
	}
	return ledger.Close(ctx, id, intake.End{State: intake.Failed, Reason: damagedReason, At: time.Now().UTC()})
}

// takePyramidBack leaves an archive from which tiles can still be read; without its directory no tile can, not those
// either that are cut anew before the next one is whole.
func takePyramidBack(ctx context.Context, b store.Bucket, id pyramid.SlideID) error {
	keys := store.Slide(id)
	if err := b.Delete(ctx, keys.Manifest()); err != nil {
		return err
	}
	if _, err := b.Stat(ctx, keys.PyramidTile(pyramid.Tile{})); errors.Is(err, szi.ErrDamaged) {
		return b.Delete(ctx, keys.PyramidArchive())
	}
	return nil
}

// damagedReason is what an order says that was taken back.
const damagedReason = "its result was damaged in the store and was taken back: run or submit the file again"
