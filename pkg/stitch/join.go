package stitch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch/bytewise"
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
