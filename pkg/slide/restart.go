package slide

import (
	"context"
	"fmt"
	"image"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide/codec"
	"github.com/slidemill/slidemill/pkg/slide/extent"
)

// restartPlane is a level that is one huge JPEG with restart markers. Its tiles are put together from
// restart intervals, bit by bit as they are in the file, so that reading one decodes nothing else.
//
// # Memory
//
// Twice the stream of the tile at hand, at most maxRestartBytes, and its pixels; the index of intervals
// (restartindex.go) once the level is read.
type restartPlane struct {
	c     *candidate
	cfg   restartConfig
	parts *codec.Intervals
	unit  pyramid.Size // pixels of an interval
	tile  pyramid.Size
	cols  int // intervals across
	rows  int // and down
	index restartIndex
}

// restartConfig is where a plane lies. What starts gives may be nil or wrong: it is checked, and found by
// reading the strip once if need be. It is asked when the level is first read.
type restartConfig struct {
	size      pyramid.Size
	at, bytes int64
	starts    func() []int64
}

const (
	restartHeader   = 64 << 10 // where a scan has begun
	restartSide     = 512      // of a tile, about
	restartPixels   = 1 << 21  // of a tile, about, where intervals are as wide as the slide
	maxRestartBytes = 64 << 20
)

// newRestartPlane is nil where the stream has no restart markers.
func newRestartPlane(c *candidate, cfg restartConfig) (*restartPlane, error) {
	begin := make([]byte, min(restartHeader, cfg.bytes))
	if _, err := c.ReadAt(begin, cfg.at); err != nil {
		return nil, fmt.Errorf("read jpeg header: %w", err)
	}
	parts, err := codec.ParseIntervals(begin, codec.YCbCr)
	if err != nil {
		return nil, err
	}
	if parts.MCUs == 0 {
		return nil, nil
	}
	p := &restartPlane{c: c, cfg: cfg, parts: parts, index: newRestartIndex()}
	across := pyramid.CeilDiv(cfg.size.W, parts.MCU.X)
	switch {
	case across%parts.MCUs == 0:
		p.unit = pyramid.Size{W: parts.MCUs * parts.MCU.X, H: parts.MCU.Y}
	case parts.MCUs%across == 0:
		p.unit = pyramid.Size{W: across * parts.MCU.X, H: parts.MCUs / across * parts.MCU.Y}
	default:
		return nil, &UnsupportedError{Format: "jpeg", Feature: fmt.Sprintf("restart intervals of %d units in rows of %d", parts.MCUs, across)}
	}
	p.cols, p.rows = pyramid.CeilDiv(cfg.size.W, p.unit.W), pyramid.CeilDiv(cfg.size.H, p.unit.H)
	if int64(p.cols)*int64(p.rows) > maxNDPIIntervals {
		return nil, &UnsupportedError{Format: "jpeg", Feature: fmt.Sprintf("%d by %d restart intervals", p.cols, p.rows)}
	}
	p.tile = restartTile(p.unit)
	if p.tile.W > 0xFFFF || p.tile.H > 0xFFFF || p.tile.Pixels() > extent.MaxTile {
		return nil, &UnsupportedError{Format: "jpeg", Feature: fmt.Sprintf("restart intervals of %s pixels", p.unit)}
	}
	return p, nil
}

// restartTile is a whole number of intervals near restartSide each way.
func restartTile(unit pyramid.Size) pyramid.Size {
	t := unit
	for t.W < restartSide {
		t.W += unit.W
	}
	for t.H+unit.H <= restartSide && (t.H+unit.H)*t.W <= restartPixels {
		t.H += unit.H
	}
	return t
}

func (p *restartPlane) layout() layout { return layout{p.cfg.size, p.tile, "jpeg"} }

func (p *restartPlane) read(ctx context.Context, col, row int, dst *image.RGBA) error {
	r, err := p.layout().bounds(col, row)
	if err != nil {
		return err
	}
	stream, err := p.stream(ctx, col, row)
	if err != nil {
		return err
	}
	reshape(dst, r)
	return p.c.options.jpegDecoder()(dst, stream, p.tile.W*p.tile.H)
}

// raw is the tile's stream: an edge tile's is larger than the tile, up to whole intervals.
func (p *restartPlane) raw(ctx context.Context, col, row int, _ []byte) ([]byte, error) {
	if _, err := p.layout().bounds(col, row); err != nil {
		return nil, err
	}
	return p.stream(ctx, col, row)
}

// stream joins the intervals of a tile.
func (p *restartPlane) stream(ctx context.Context, col, row int) ([]byte, error) {
	starts, err := p.index.take(ctx, p)
	if err != nil {
		return nil, err
	}
	x0, y0 := col*p.tile.W/p.unit.W, row*p.tile.H/p.unit.H
	x1, y1 := min(x0+p.tile.W/p.unit.W, p.cols), min(y0+p.tile.H/p.unit.H, p.rows)
	var intervals [][]byte
	total := int64(0)
	for y := y0; y < y1; y++ {
		first, last := y*p.cols+x0, y*p.cols+x1
		begin, end := starts[first], starts[last]
		if total += end - begin; total > maxRestartBytes {
			return nil, &UnsupportedError{Format: "jpeg", Feature: fmt.Sprintf("more than %d bytes for a tile", maxRestartBytes)}
		}
		data := make([]byte, end-begin)
		if _, err := p.c.ReadAt(data, p.cfg.at+begin); err != nil {
			return nil, fmt.Errorf("read restart intervals: %w", err)
		}
		for i := first; i < last; i++ {
			part := data[starts[i]-begin : starts[i+1]-begin]
			if i+1 < p.cols*p.rows {
				marker := part[len(part)-2:]
				if !codec.IsRestart(marker) {
					return nil, &FormatError{Format: "jpeg", Problem: fmt.Sprintf("no restart marker after interval %d", i)}
				}
			}
			intervals = append(intervals, part[:len(part)-2])
		}
	}
	size := image.Pt((x1-x0)*p.unit.W, (y1-y0)*p.unit.H)
	return p.parts.Append(nil, size, intervals), nil
}
