package workers

import (
	"image"

	"github.com/slidemill/slidemill/pkg/segment"
)

// slate is what one region is worked on: its pixels, what the network says, the result and its file. Nobody keeps anything of
// it. It is used again for the next region, as fresh memory must be cleared and collected each time, tens of megabytes
// a region.
type slate struct {
	sight  image.RGBA // the canvas and what the verdicts on likeness look at
	planes [][]uint8
	result segment.RegionMap
	file   []byte
}

// slate is one that nobody else works on.
func (s *Segment) slate() *slate {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.spare)
	if n == 0 {
		return new(slate)
	}
	on := s.spare[n-1]
	s.spare = s.spare[:n-1]
	return on
}

// wipe gives a slate back.
func (s *Segment) wipe(on *slate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = append(s.spare, on)
}
