package stitch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch/bytewise"
	"github.com/slidemill/slidemill/pkg/stitch/contour"
)

// cutOf is the smallest byte that stands for a probability of at least the threshold. It is never 0,
// which is glass.
func cutOf(threshold float64) uint8 {
	return uint8(max(1, min(255, math.Ceil(threshold*255-1e-9))))
}

// joined is what one sweep over the canvas gives.
type joined struct {
	sums      Sums
	carcinoma int64  // pixels in the mask
	weight    uint64 // their values added up
	outlines  []outline
	step      int // of the outlines
}

// joiner does everything that needs the rows of the canvas in order, in one sweep: the sums, the mask
// file and the outlines. The three work side by side on each band of rows.
type joiner struct {
	width       int
	cut         uint8
	probability hash.Hash
	mask        hash.Hash
	line        []uint8 // a row of the mask
	file        *maskFile
	tracer      *tracer
	got         joined
}

func newJoiner(size pyramid.Size, cut uint8, file *maskFile, t *tracer) *joiner {
	return &joiner{
		width: size.W, cut: cut,
		probability: sha256.New(), mask: sha256.New(),
		line: make([]uint8, size.W), file: file, tracer: t,
	}
}

// rows takes some whole rows of probabilities.
func (j *joiner) rows(ctx context.Context, rows []uint8) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		j.probability.Write(rows)
		return nil
	})
	group.Go(func() error { return j.maskRows(ctx, rows) })
	group.Go(func() error { return j.tracer.rows(rows) })
	return group.Wait()
}

// maskRows makes the mask's rows: 0 and 1 for the sum, 0 and 255 for the file.
func (j *joiner) maskRows(ctx context.Context, rows []uint8) error {
	for ; len(rows) > 0; rows = rows[j.width:] {
		count, weight := threshold(j.line, rows[:j.width], j.cut)
		j.got.carcinoma, j.got.weight = j.got.carcinoma+count, j.got.weight+weight
		j.mask.Write(j.line)
		spread(j.line)
		if err := j.file.row(ctx, j.line); err != nil {
			return err
		}
	}
	return nil
}

// threshold makes 1 of every value that is at least the cut, and 0 of the others; it counts the former and adds them
// up. Most pixels of a slide are far from its few lesions.
func threshold(to, row []uint8, cut uint8) (count int64, weight uint64) {
	for ; len(row) >= 8; to, row = to[8:], row[8:] {
		on := bytewise.AtLeast(bytewise.Load(row), cut)
		bytewise.Store(to, on)
		if on == 0 {
			continue
		}
		count += int64(bytewise.Count(on))
		for x, v := range to[:8] {
			weight += uint64(v) * uint64(row[x])
		}
	}
	for x, v := range row {
		to[x] = 0
		if v >= cut {
			to[x] = 1
			count, weight = count+1, weight+uint64(v)
		}
	}
	return count, weight
}

// spread makes 255 of every 1.
func spread(line []uint8) {
	for ; len(line) >= 8; line = line[8:] {
		bytewise.Store(line, 255*bytewise.Load(line))
	}
	for x, v := range line {
		line[x] = -v
	}
}

// finish closes the mask file and gives the result. The outlines may still be too complex.
func (j *joiner) finish() (joined, error) {
	if err := j.file.close(); err != nil {
		return joined{}, err
	}
	j.got.sums = Sums{
		Mask:        hex.EncodeToString(j.mask.Sum(nil)),
		Probability: hex.EncodeToString(j.probability.Sum(nil)),
	}
	return j.got, nil
}

// join sweeps over the canvas once; again, for the outlines alone, while they are too complex.
func join(ctx context.Context, r *regions, dst io.WriteSeeker, c maskConfig, progress func(done int64)) (joined, error) {
	cut := cutOf(r.plan.Parameters.Threshold)
	file, err := newMaskFile(dst, c)
	if err != nil {
		return joined{}, err
	}
	t, err := newTracer(r, cut, 1)
	if err != nil {
		return joined{}, err
	}
	j := newJoiner(c.size, cut, file, t)
	var done int64
	err = r.sweep(ctx, func(rows []uint8) error {
		done += int64(len(rows))
		progress(done)
		return j.rows(ctx, rows)
	})
	if err != nil {
		return joined{}, err
	}
	got, err := j.finish()
	if err != nil {
		return joined{}, err
	}
	got.outlines, got.step, err = outlines(ctx, r, cut, t)
	return got, err
}

// outlines closes the tracer, and as long as the mask is too complex traces it anew in squares of
// twice the side, each set if any of its pixels is. Every doubling leaves at most a quarter of the
// corners, so this ends.
func outlines(ctx context.Context, r *regions, cut uint8, t *tracer) ([]outline, int, error) {
	for {
		err := t.close()
		if err == nil {
			rank(t.found)
			return t.found, t.step, nil
		}
		if !errors.Is(err, contour.ErrTooComplex) {
			return nil, 0, err
		}
		if t, err = newTracer(r, cut, 2*t.step); err != nil {
			return nil, 0, err
		}
		if err := r.sweep(ctx, t.rows); err != nil {
			return nil, 0, err
		}
	}
}

// tracer collects the outlines of a sweep, in squares of step mask pixels.
//
// # Memory
//
// The outlines that are done and those that are open may hold limit bytes each; beyond that the tracer
// gives up and takes rows without looking at them.
type tracer struct {
	width   int
	step    int
	limit   int64
	rule    rule
	contour *contour.Tracer
	square  []uint8 // the largest values of the rows since the last multiple of step
	y       int
	found   []outline
	held    int64
	failed  error
}

// outlineBytes is what an outline takes besides its rings.
const outlineBytes = 512

func newTracer(r *regions, cut uint8, step int) (*tracer, error) {
	width := r.plan.Frame.Size.W
	t := &tracer{width: width, step: step, limit: r.outlineLimit, rule: newRule(r.plan, step), square: make([]uint8, pyramid.CeilDiv(width, step))}
	var err error
	config := contour.Config{Width: len(t.square), Cut: cut, Limit: t.limit, Emit: t.emit}
	if r.unlike != nil {
		config.Marked = r.unlike.marked(step)
	}
	t.contour, err = contour.New(config)
	return t, err
}

func (t *tracer) emit(c contour.Component) error {
	t.held += c.Bytes() + outlineBytes
	if t.held > t.limit {
		return fmt.Errorf("%d outlines: %w", len(t.found), contour.ErrTooComplex)
	}
	t.found = append(t.found, t.rule.outline(c))
	return nil
}

// rows takes some whole rows of probabilities. Too complex a mask is reported by close.
func (t *tracer) rows(rows []uint8) error {
	for ; len(rows) > 0 && t.failed == nil; rows = rows[t.width:] {
		t.failed = t.row(rows[:t.width])
	}
	return nil
}

func (t *tracer) row(row []uint8) error {
	if t.step == 1 {
		return t.contour.Row(row)
	}
	for x, v := range row {
		t.square[x/t.step] = max(t.square[x/t.step], v)
	}
	t.y++
	if t.y%t.step != 0 {
		return nil
	}
	return t.flush()
}

func (t *tracer) flush() error {
	err := t.contour.Row(t.square)
	clear(t.square)
	return err
}

func (t *tracer) close() error {
	if t.failed == nil && t.y%t.step != 0 {
		t.failed = t.flush()
	}
	if t.failed == nil {
		t.failed = t.contour.Close()
	}
	if t.failed != nil {
		t.found = nil
	}
	return t.failed
}
