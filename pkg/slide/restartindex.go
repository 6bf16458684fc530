package slide

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/slidemill/slidemill/pkg/slide/codec"
)

// restartIndex is where the intervals of a plane begin. It is made when it is first asked for: inspecting a
// slide reads none of it.
//
// # Memory
//
// Eight bytes per interval of the levels that are read: those of a slide have at most maxNDPIIntervals in all
// (32 MB; see openNDPI). While one is made, as much again twice, for the table's two halves. The
// table itself stays in the file's directory, which tiff bounds (maxValueBytes, 64 MB for all tags).
type restartIndex struct {
	turn   chan struct{} // holds one, taken by who makes the index
	starts []int64       // from the strip's begin, one per interval, and the end of the last
	err    error         // what the file is to blame for
}

func newRestartIndex() restartIndex {
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	return restartIndex{turn: turn}
}

// take gives the index, made by the first who asks; who is called off leaves it to the next.
func (x *restartIndex) take(ctx context.Context, p *restartPlane) ([]int64, error) {
	select {
	case <-x.turn:
		defer func() { x.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if x.starts == nil && x.err == nil {
		starts, err := p.findStarts(ctx)
		var format *FormatError
		if err != nil && !errors.As(err, &format) {
			return nil, err // of a disk, a line or a caller that went away: the next may have more luck
		}
		x.starts, x.err = starts, err
	}
	return x.starts, x.err
}

// findStarts takes the offsets that the file states if they are plausible, else finds the markers. Each
// interval includes the two bytes of the marker after it.
func (p *restartPlane) findStarts(ctx context.Context) ([]int64, error) {
	n := p.cols * p.rows
	if s := p.cfg.starts(); len(s) == n && s[0] == int64(p.parts.Header) && p.increasing(s) && p.sampled(s) {
		return append(s, p.cfg.bytes), nil
	}
	return p.scan(ctx, n)
}

// increasing reports whether each interval has room for its marker within the strip.
func (p *restartPlane) increasing(s []int64) bool {
	for i, v := range s {
		if v < 0 || v > p.cfg.bytes-2 || i > 0 && v-s[i-1] < 2 {
			return false
		}
	}
	return true
}

// sampled looks for the marker before some of the intervals. All others are looked at when they are read.
func (p *restartPlane) sampled(s []int64) bool {
	var b [2]byte
	for i := 1; i < len(s); i += max(1, len(s)/16) {
		if _, err := p.c.ReadAt(b[:], p.cfg.at+s[i]-2); err != nil || !codec.IsRestart(b[:]) {
			return false
		}
	}
	return true
}

// scan reads the strip once, gigabytes of a large slide, and notes where the markers are.
func (p *restartPlane) scan(ctx context.Context, n int) ([]int64, error) {
	starts := append(make([]int64, 0, n+1), int64(p.parts.Header))
	buf := make([]byte, min(1<<20, p.cfg.bytes))
	previous := byte(0)
	for at := int64(p.parts.Header); at < p.cfg.bytes; {
		chunk := buf[:min(int64(len(buf)), p.cfg.bytes-at)]
		if k, err := p.c.ReadAt(chunk, p.cfg.at+at); k < len(chunk) && err != io.EOF {
			return nil, fmt.Errorf("look for restart markers: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i, b := range chunk {
			if codec.IsRestart([]byte{previous, b}) {
				if starts = append(starts, at+int64(i)+1); len(starts) > n {
					return nil, &FormatError{Format: "jpeg", Problem: fmt.Sprintf("more than %d restart intervals", n)}
				}
			}
			previous = b
		}
		at += int64(len(chunk))
	}
	if len(starts) != n {
		return nil, &FormatError{Format: "jpeg", Problem: fmt.Sprintf("%d restart intervals, want %d", len(starts), n)}
	}
	if starts[n-1] > p.cfg.bytes-2 {
		return nil, &FormatError{Format: "jpeg", Problem: "its last restart interval is empty: the file may be cut short"}
	}
	return append(starts, p.cfg.bytes), nil
}
