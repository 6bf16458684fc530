package stitch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/stitch/contour"
	"github.com/slidemill/slidemill/pkg/store"
)

// regions reads the region files of one run. It is safe for concurrent use.
//
// # Memory
//
// A map for each worker until rest and a file, what kept states, and some hundred bytes for each region. Unlike those of a sync.Pool
// the maps survive garbage collections, which come often in a heap that is mostly these.
type regions struct {
	bucket       store.Bucket
	keys         store.RunKeys
	plan         *segment.Plan
	workers      int
	rows         map[int][]int // planned columns by row of the grid, ascending
	planned      map[pyramid.Region]bool
	unlike       *unlike // once the regions are proved
	outlineLimit int64   // bytes of outlines; see tracer
	bandLimit    int     // bytes of rows; see sweep

	spare chan *segment.RegionMap // one for each worker; look uses their memory again
	files chan *bytes.Buffer      // memory for files that are read
	kept  *kept
}

func newRegions(c *Config) *regions {
	r := &regions{
		bucket:  c.Bucket,
		keys:    store.Slide(c.Plan.Slide).Run(c.Plan.Run),
		plan:    c.Plan,
		workers: c.Workers,
		rows:    make(map[int][]int),
		planned: make(map[pyramid.Region]bool, len(c.Plan.Regions)),

		outlineLimit: contour.DefaultLimit, bandLimit: bandBytes,
		spare: make(chan *segment.RegionMap, c.Workers), files: make(chan *bytes.Buffer, c.Workers), kept: newKept(cmp.Or(c.keep, keptBytes)),
	}
	for range c.Workers {
		r.spare <- new(segment.RegionMap)
	}
	for _, at := range c.Plan.Regions {
		r.rows[at.Row] = append(r.rows[at.Row], at.Col)
		r.planned[at] = true
	}
	for _, cols := range r.rows {
		slices.Sort(cols)
	}
	return r
}

// part is how much of a region is decoded.
type part int

const (
	everything part = iota
	carcinomaOnly
)

// look shows one region to visit, which must not keep anything of it: its memory is used for the next. No more than
// workers look at once; who comes later waits.
func (r *regions) look(ctx context.Context, at pyramid.Region, p part, visit func(*segment.RegionMap)) error {
	var m *segment.RegionMap
	select {
	case m = <-r.spare:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { r.spare <- m }()
	if err := r.load(ctx, at, p, m); err != nil {
		return err
	}
	visit(m)
	return nil
}

// rest lets the memory of look go: what comes next wants as much for itself. Nobody may look meanwhile.
func (r *regions) rest() {
	for range cap(r.spare) {
		<-r.spare
		r.spare <- new(segment.RegionMap)
	}
}

// load reads and proves one region into m. A region that is not there or damaged is a *CoverageError; any
// other error is the store's and may be tried again.
func (r *regions) load(ctx context.Context, at pyramid.Region, p part, m *segment.RegionMap) error {
	m.Run, m.Region, m.Size = r.plan.Run, at, r.plan.RegionSize(at)
	if file := r.kept.file(at); file != nil {
		return decode(file, true, p, m)
	}
	err := r.read(ctx, at, m.Size, func(file []byte) error {
		err := decode(file, false, p, m)
		if err == nil && p == everything {
			r.kept.keep(at, file)
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &CoverageError{Planned: len(r.plan.Regions), Missing: []pyramid.Region{at}}
	case errors.Is(err, segment.ErrRegionDamaged):
		return &CoverageError{Planned: len(r.plan.Regions), Damaged: []pyramid.Region{at}}
	case err != nil:
		return fmt.Errorf("read region %v: %w", at, err)
	}
	return nil
}

// decode decodes as much of a region file as is wanted, and proves it unless that was done with these very bytes.
func decode(file []byte, proved bool, p part, m *segment.RegionMap) error {
	if p == carcinomaOnly {
		return m.DecodeCarcinoma(file, proved)
	}
	return m.Decode(file, proved)
}

// read shows a region's file, which cannot be much larger than its pixels: zstd adds three bytes for
// every 128 kB that it cannot shrink, and flate, in earlier versions, five for every 65535. The next file takes the
// memory, as fresh memory for each would have to be cleared and collected.
func (r *regions) read(ctx context.Context, at pyramid.Region, size pyramid.Size, visit func(file []byte) error) error {
	limit := segment.RegionPlanes*size.Pixels() + segment.Cells(size).Pixels() + size.Pixels()/64 + 4096
	body, err := r.bucket.Get(ctx, r.keys.Region(at), 0, limit+1)
	if err != nil {
		return err
	}
	defer body.Close()
	file := r.file()
	defer r.putBack(file)
	if _, err := file.ReadFrom(io.LimitReader(body, limit+1)); err != nil {
		return err
	}
	if int64(file.Len()) > limit {
		return fmt.Errorf("%w: %w: more than %d bytes", segment.ErrRegionDamaged, store.ErrTooLarge, limit)
	}
	return visit(file.Bytes())
}

// file is memory for a file, which putBack takes back.
func (r *regions) file() *bytes.Buffer {
	select {
	case b := <-r.files:
		return b
	default:
		return new(bytes.Buffer)
	}
}

func (r *regions) putBack(file *bytes.Buffer) {
	file.Reset()
	select {
	case r.files <- file:
	default: // as many as there are workers are enough
	}
}

// bandBytes is the budget for the rows of the canvas that are held at once.
const bandBytes = 32 << 20

// sweep hands the carcinoma plane of the whole canvas to visit, some whole rows at a time from the top;
// where nothing was planned it is zero. The rows are valid until visit returns.
//
// # Memory
//
// A band of at most bandBytes (or one row: 1 MiB for the widest canvas there can be), and per worker
// one region file with its decoded planes. A band is as high as a region where that fits; a region
// higher than the band is decoded once for each band that it crosses, so neither a wide slide nor
// regions of 8192 pixels break the budget.
func (r *regions) sweep(ctx context.Context, visit func(rows []uint8) error) error {
	grid := r.plan.Grid()
	width := grid.Size.W
	height := min(grid.Tile, max(1, r.bandLimit/width))
	band := make([]uint8, width*min(height, grid.Size.H))
	for row := range grid.Rows() {
		cell := grid.Bounds(0, row)
		for y := cell.Min.Y; y < cell.Max.Y; y += height {
			if err := ctx.Err(); err != nil {
				return err // bands of glass read nothing that would notice
			}
			rows := band[:width*(min(y+height, cell.Max.Y)-y)]
			if err := r.fill(ctx, row, y, rows); err != nil {
				return err
			}
			if err := visit(rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill decodes the part of a row of regions that a band beginning at line y holds.
func (r *regions) fill(ctx context.Context, row, y int, band []uint8) error {
	clear(band)
	width := r.plan.Frame.Size.W
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.workers)
	for _, col := range r.rows[row] {
		at := pyramid.Region{Col: col, Row: row}
		group.Go(func() error {
			return r.look(ctx, at, carcinomaOnly, func(m *segment.RegionMap) {
				cell := r.plan.Grid().Bounds(at.Col, at.Row)
				plane := m.Planes[segment.PlaneCarcinoma][(y-cell.Min.Y)*m.Size.W:]
				for i := 0; i < len(band)/width; i++ {
					copy(band[i*width+cell.Min.X:], plane[i*m.Size.W:(i+1)*m.Size.W])
				}
			})
		})
	}
	return group.Wait()
}
