package stitch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
)

// Verification is what was checked and found to hold.
type Verification struct {
	Runs       int   // finished runs
	Unfinished int   // runs without run.json: nothing was promised yet
	Objects    int64 // read from first to last byte
	Bytes      int64
}

// ErrBroken marks a promise that the store does not keep.
var ErrBroken = errors.New("promise broken")

// BrokenError says whose promises the store does not keep. It is ErrBroken.
type BrokenError struct {
	Slide bool            // those of slide.json
	Runs  []pyramid.RunID // those of the run.json of these
	what  error
}

func (e *BrokenError) Error() string { return fmt.Sprintf("%v: %v", ErrBroken, e.what) }

// Unwrap makes it ErrBroken.
func (e *BrokenError) Unwrap() []error { return []error{ErrBroken, e.what} }

// verifyWorkers is the number of objects read at once.
const verifyWorkers = 8

// Verify checks every promise of slide.json and of each run.json of a slide, reading every byte: the
// slide's pyramid is complete and each tile is a whole JPEG of its size, descriptor, thumbnail and tissue map are
// what slide.json says, or can be read where an older one says nothing; each run's plan and regions
// prove themselves, mask and probability have their sums, every file and both tile pyramids are
// unchanged. A *BrokenError names everything that is broken, up to a few dozen; a store that cannot be
// read is an error too. A run whose plan a newer version of the program made is left to that version: it is a
// segment.ErrNewer, beside what of the others is broken.
//
// # Memory
//
// A few tiles at a time, and what sweep and prove state.
func Verify(ctx context.Context, b store.Bucket, id pyramid.SlideID) (*Verification, error) {
	v := &verifier{bucket: b, slide: id}
	manifest, err := v.slideManifest(ctx)
	if err != nil {
		return nil, err
	}
	if err := v.slidePyramid(ctx, manifest); err != nil {
		return nil, err
	}
	broken, newer := &BrokenError{Slide: v.broken.count() > 0}, error(nil)
	runs, err := v.runs(ctx)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		before := v.broken.count()
		err := v.run(ctx, manifest, run)
		switch {
		case errors.Is(err, segment.ErrNewer):
			newer = errors.Join(newer, fmt.Errorf("run %v: %w, and this one cannot judge it: verify it with that version", run, err))
		case err != nil:
			return nil, fmt.Errorf("run %v: %w", run, err)
		}
		if v.broken.count() > before {
			broken.Runs = append(broken.Runs, run)
		}
	}
	if broken.what = v.broken.all(); broken.what != nil {
		return nil, errors.Join(broken, newer)
	}
	if newer != nil {
		return nil, newer
	}
	return &v.done, nil
}

type verifier struct {
	bucket store.Bucket
	slide  pyramid.SlideID
	mu     sync.Mutex // of done
	done   Verification
	broken problems
}

// problems collects broken promises. It is safe for concurrent use.
type problems struct {
	mu   sync.Mutex
	list []error
	more int
}

const maxProblems = 24

func (p *problems) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) == maxProblems {
		p.more++
		return
	}
	p.list = append(p.list, fmt.Errorf(format, args...))
}

func (p *problems) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.list) + p.more
}

// all is nil where there is none.
func (p *problems) all() error {
	if p.more > 0 {
		p.list = append(p.list, fmt.Errorf("and %d more", p.more))
	}
	return errors.Join(p.list...)
}

// read reads a whole object and counts it. An object that is not there is a broken promise, reported
// and returned as nil.
func (v *verifier) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	data, err := store.ReadAll(ctx, v.bucket, key, limit)
	if errors.Is(err, store.ErrNotFound) {
		v.broken.add("%s is missing", key)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	v.count(int64(len(data)))
	return data, nil
}

func (v *verifier) count(bytes int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done.Objects++
	v.done.Bytes += bytes
}

func (v *verifier) slideManifest(ctx context.Context) (slide.Manifest, error) {
	data, err := store.ReadAll(ctx, v.bucket, store.Slide(v.slide).Manifest(), slide.MaxManifest)
	if err != nil {
		return slide.Manifest{}, fmt.Errorf("read slide.json: %w", err)
	}
	v.count(int64(len(data)))
	m, err := slide.DecodeManifest(data)
	if err == nil && m.ID != v.slide {
		err = fmt.Errorf("slide.json: is of slide %v", m.ID)
	}
	if err != nil {
		return m, &BrokenError{Slide: true, what: err}
	}
	return m, nil
}

// runs lists the slide's runs, finished or not.
func (v *verifier) runs(ctx context.Context) (list []pyramid.RunID, err error) {
	for o, err := range v.bucket.List(ctx, store.Slide(v.slide).Runs()) {
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		ref, err := store.Parse(o.Key)
		if err != nil {
			v.broken.add("%s does not belong there", o.Key)
			continue
		}
		if n := len(list); n == 0 || list[n-1] != ref.Run {
			list = append(list, ref.Run)
		}
	}
	return list, nil
}

// run checks one run from its plan to its files.
func (v *verifier) run(ctx context.Context, m slide.Manifest, run pyramid.RunID) error {
	keys := store.Slide(v.slide).Run(run)
	data, err := store.ReadAll(ctx, v.bucket, keys.Manifest(), maxManifest)
	if errors.Is(err, store.ErrNotFound) {
		v.done.Unfinished++
		return nil
	}
	if err != nil {
		return fmt.Errorf("read run.json: %w", err)
	}
	v.count(int64(len(data)))
	promise, err := DecodeManifest(data, v.slide, run)
	if err != nil {
		v.broken.add("run %v: %v", run, err)
		return nil
	}
	v.done.Runs++
	if promise.SlideSHA256 != m.SHA256 {
		v.broken.add("run %v: run.json is of a slide with another hash", run)
	}
	for _, check := range []func(context.Context, store.RunKeys, *Manifest) error{v.plan, v.files, v.report, v.tiles} {
		if err := check(ctx, keys, promise); err != nil {
			return err
		}
	}
	return nil
}

// maxTileBytes bounds one tile from the store.
const maxTileBytes = 64 << 20

// everyTile reads every tile of a pyramid, several at once.
func (v *verifier) everyTile(ctx context.Context, d pyramid.DeepZoom, key func(pyramid.Tile) string, check func(t pyramid.Tile, key string, data []byte)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(verifyWorkers)
	for level := range d.Max() + 1 {
		grid := d.Grid(level)
		for row := range grid.Rows() {
			for col := range grid.Cols() {
				if ctx.Err() != nil {
					return group.Wait()
				}
				t := pyramid.Tile{Level: level, Col: col, Row: row}
				group.Go(func() error {
					k := key(t)
					data, err := v.read(ctx, k, maxTileBytes)
					if data != nil && err == nil {
						check(t, k, data)
					}
					return err
				})
			}
		}
	}
	return group.Wait()
}
