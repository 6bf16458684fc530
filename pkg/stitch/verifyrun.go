package stitch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/store"
)

// maxPlan bounds a plan: four million regions and a tissue map.
const maxPlan = 512 << 20

// plan checks that the plan is the one that names the run, proves its regions and computes the sums.
func (v *verifier) plan(ctx context.Context, keys store.RunKeys, promise *Manifest) error {
	data, err := v.read(ctx, keys.Plan(), maxPlan)
	if data == nil || err != nil {
		return err
	}
	plan, err := segment.DecodePlan(data)
	if err == nil && plan.Parameters.Partial {
		plan = without(plan, promise.Lost)
	}
	switch {
	case errors.Is(err, segment.ErrNewer): // nothing is known of it, and no promise is broken
		return err
	case err != nil:
		v.broken.add("run %v: %v", promise.Run, err)
	case plan.Slide != v.slide || plan.Run != promise.Run || plan.Model != promise.Model || plan.Frame != promise.Frame || len(plan.Regions) != promise.Regions:
		v.broken.add("run %v: plan.json and run.json do not agree", promise.Run)
	case plan.Parameters.RunID(plan.Slide, plan.Model) != promise.Run:
		v.broken.add("run %v: the plan's slide, model and parameters name another run", promise.Run)
	default:
		return v.regions(ctx, plan, promise)
	}
	return nil
}

// proveWorkers is the number of regions decoded at once, which may be large.
const proveWorkers = 2

// regions proves every region and then the sums over the canvas.
func (v *verifier) regions(ctx context.Context, plan *segment.Plan, promise *Manifest) error {
	r := newRegions(&Config{Bucket: v.bucket, Plan: plan, Workers: proveWorkers})
	cut := cutOf(plan.Parameters.Threshold)
	_, err := r.prove(ctx, cut, func(int64) {})
	if e := (*CoverageError)(nil); errors.As(err, &e) {
		v.broken.add("run %v: %v", plan.Run, e)
		return nil
	}
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.done.Objects += int64(len(plan.Regions))
	v.mu.Unlock()
	probability, mask := sha256.New(), sha256.New()
	var line []uint8
	err = r.sweep(ctx, func(rows []uint8) error {
		probability.Write(rows)
		line = line[:0]
		for _, p := range rows {
			line = append(line, b2u(p >= cut))
		}
		mask.Write(line)
		return nil
	})
	if err != nil {
		return err
	}
	got := Sums{Mask: hex.EncodeToString(mask.Sum(nil)), Probability: hex.EncodeToString(probability.Sum(nil))}
	if got != promise.SHA256 {
		v.broken.add("run %v: the regions do not give the promised mask and probability", plan.Run)
	}
	return nil
}

func b2u(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// files checks size and sum of every single file but the report.
func (v *verifier) files(ctx context.Context, keys store.RunKeys, promise *Manifest) error {
	for _, kind := range []store.Kind{
		store.Mask, store.Contours, store.Preview, store.Report, store.ReportHTML, store.OverlayDZI, store.ProbabilityDZI,
	} {
		if _, ok := promise.Files[string(kind)]; !ok {
			v.broken.add("run %v: run.json promises no %s", promise.Run, kind)
		}
	}
	for name, want := range promise.Files {
		if name == string(store.Report) {
			continue
		}
		if err := v.file(ctx, keys.Prefix()+name, want); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) file(ctx context.Context, key string, want File) error {
	if err := store.CheckKey(key); err != nil {
		v.broken.add("run.json promises %q", key)
		return nil
	}
	body, err := v.bucket.Get(ctx, key, 0, -1)
	if errors.Is(err, store.ErrNotFound) {
		v.broken.add("%s is missing", key)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	defer body.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, body)
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	v.count(n)
	if n != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
		v.broken.add("%s is not what was promised", key)
	}
	return nil
}

// report checks report.json without its seconds.
func (v *verifier) report(ctx context.Context, keys store.RunKeys, promise *Manifest) error {
	data, err := v.read(ctx, keys.Report(), maxReport)
	if data == nil || err != nil {
		return err
	}
	r, err := DecodeReport(data)
	if err != nil {
		v.broken.add("%s: %v", keys.Report(), err)
		return nil
	}
	sum, err := reportSum(r)
	if err != nil {
		return err
	}
	if sum != promise.Files[string(store.Report)].SHA256 || r.SHA256 != promise.SHA256 {
		v.broken.add("%s is not what was promised", keys.Report())
	}
	return nil
}

// tiles reads both tile pyramids and compares them with their digests.
func (v *verifier) tiles(ctx context.Context, keys store.RunKeys, promise *Manifest) error {
	for _, p := range []struct {
		kind store.Kind
		key  func(pyramid.Tile) string
	}{{store.ProbabilityTile, keys.ProbabilityTile}, {store.OverlayTile, keys.OverlayTile}} {
		var got tally
		err := v.everyTile(ctx, promise.Pyramid, p.key, func(_ pyramid.Tile, key string, data []byte) {
			got.add(key[len(keys.Prefix()):], data)
		})
		if err != nil {
			return err
		}
		if got.tiles() != promise.Tiles[string(p.kind)] {
			v.broken.add("run %v: the tiles of %s are not what was promised", promise.Run, p.kind)
		}
	}
	return nil
}
