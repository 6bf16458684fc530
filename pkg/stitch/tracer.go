package stitch

import (
	"context"
	"errors"
	"fmt"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch/contour"
)

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
