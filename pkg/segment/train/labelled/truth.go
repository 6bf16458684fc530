package labelled

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/slidemill/slidemill/pkg/segment/train"
	"github.com/slidemill/slidemill/pkg/segment/train/annotate"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/slide/region"
)

// Open is an open slide with its truth.
type Open struct {
	*region.Reader
	Truth train.Truth
	slide slide.Slide
	mask  slide.Slide // or nil
}

// Open opens the slide and reads its annotations.
//
// # Memory
//
// Outlines take sixteen bytes a point. A mask is read as it is asked for, like the slide.
func (s *Slide) Open(ctx context.Context) (*Open, error) {
	o, err := s.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("slide %s: %w", s.Name, err)
	}
	return o, nil
}

func (s *Slide) open(ctx context.Context) (_ *Open, err error) {
	file, err := slide.Open(ctx, s.Path, slide.Options{MPP: s.folder.MPP})
	if err != nil {
		return nil, err
	}
	o := &Open{slide: file}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	if o.Reader, err = region.New(file); err != nil {
		return nil, err
	}
	if s.Mask != "" {
		o.Truth, err = s.openMask(ctx, o)
	} else {
		o.Truth, err = s.drawing()
	}
	return o, err
}

// Close closes slide and mask.
func (o *Open) Close() error {
	err := o.slide.Close()
	if o.mask != nil {
		err = errors.Join(err, o.mask.Close())
	}
	return err
}

func (s *Slide) classes() Classes {
	if s.folder.Classes != nil {
		return s.folder.Classes
	}
	return DefaultClasses()
}

// drawing reads the outlines. A file that is there and holds none says that there is nothing to outline.
func (s *Slide) drawing() (train.Truth, error) {
	f, err := os.Open(s.Annotation)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	shapes, err := annotate.Read(f)
	if err != nil {
		return nil, err
	}
	d := annotate.Drawing{Shapes: shapes, Classes: map[string]uint8{}, Outside: s.folder.Outside}
	if len(shapes) == 0 && d.Outside == train.Ignore {
		d.Outside = train.Background
	}
	for _, shape := range shapes {
		if d.Classes[shape.Class], err = s.classes().of(shape.Class); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// mask is a mask image that covers the slide, at any scale.
type mask struct {
	pixels *region.Reader
	sx, sy float64 // mask pixels per level-0 pixel
	table  [256]int
}

// maxStretch is how far a mask's proportions may be from the slide's.
const maxStretch = 0.02

func (s *Slide) openMask(ctx context.Context, o *Open) (_ train.Truth, err error) {
	if o.mask, err = slide.Open(ctx, s.Mask, slide.Options{MPP: 1}); err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	m := &mask{table: s.classes().masks()}
	if m.pixels, err = region.New(o.mask); err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	w, h := o.Size()
	mw, mh := m.pixels.Size()
	m.sx, m.sy = float64(mw)/float64(w), float64(mh)/float64(h)
	if m.sx/m.sy > 1+maxStretch || m.sy/m.sx > 1+maxStretch {
		return nil, fmt.Errorf("the mask is %d×%d pixels, the slide %d×%d: it does not cover the slide", mw, mh, w, h)
	}
	return m, nil
}

// Labels implements train.Truth: the value of the mask pixel under the middle of each.
func (m *mask) Labels(ctx context.Context, x, y, step float64, w, h int) ([]uint8, error) {
	mw, mh := m.pixels.Size()
	columns, rows := places(x, step, m.sx, w, mw), places(y, step, m.sy, h, mh)
	x0, y0 := columns[0], rows[0]
	values, err := m.pixels.Exact(ctx, x0, y0, columns[w-1]-x0+1, rows[h-1]-y0+1)
	if err != nil {
		return nil, fmt.Errorf("mask: %w", err)
	}
	stride := columns[w-1] - x0 + 1
	labels := make([]uint8, 0, w*h)
	for _, row := range rows {
		for _, column := range columns {
			v := values[(row-y0)*stride+column-x0]
			class := m.table[v]
			if class < 0 {
				return nil, fmt.Errorf(`mask value %d at %d, %d is not known; say what it is with --classes FILE, a line like "mask %d,carcinoma"`, v, column, row, v)
			}
			labels = append(labels, uint8(class))
		}
	}
	return labels, nil
}

// places are the mask's coordinates under the middles of n pixels, clamped to the mask.
func places(from, step, scale float64, n, size int) []int {
	at := make([]int, n)
	for i := range at {
		at[i] = min(max(int((from+(float64(i)+0.5)*step)*scale), 0), size-1)
	}
	return at
}
