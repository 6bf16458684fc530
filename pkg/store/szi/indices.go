package szi

import (
	"container/list"
	"context"
	"sync"

	"github.com/slidemill/slidemill/pkg/store"
)

// maxIndices bounds the indices that are kept: five slides of a hundred gigapixels, or hundreds of usual ones.
const maxIndices = 256 << 20

// indices keeps the indices of the archives read lately. The zero value is ready; it is safe for concurrent
// use.
type indices struct {
	mu     sync.Mutex
	kept   map[string]*list.Element // of *index
	recent list.List                // most recent first
	used   int64
	asked  map[string]chan struct{} // archives whose index is being read; closed when that has ended
}

func (x *index) bytes() int64 { return 24*int64(cap(x.tiles)) + 200 }

// knowsAny reports whether the index of one of the archives is at hand.
func (s *indices) knowsAny(archives []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range archives {
		if _, ok := s.kept[a]; ok {
			return true
		}
	}
	return false
}

// knownFirst sorts archives whose index is at hand to the front, so that no request asks for one that is not
// there yet.
func (s *indices) knownFirst(archives []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var known, others []string
	for _, a := range archives {
		if _, ok := s.kept[a]; ok {
			known = append(known, a)
		} else {
			others = append(others, a)
		}
	}
	return append(known, others...)
}

// open gives the index of an archive, reading it if need be, once for all who ask at the same time.
func (s *indices) open(ctx context.Context, b store.Bucket, key string) (*index, error) {
	for {
		x, wait := s.claim(key)
		if x != nil {
			return x, nil
		}
		if wait == nil {
			x, err := openIndex(ctx, b, key)
			s.settle(key, x)
			return x, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// claim gives the index, or what to wait for, or neither: then the caller reads and settles it.
func (s *indices) claim(key string) (*index, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.kept[key]; ok {
		s.recent.MoveToFront(e)
		return e.Value.(*index), nil
	}
	if wait, ok := s.asked[key]; ok {
		return nil, wait
	}
	if s.asked == nil {
		s.asked, s.kept = map[string]chan struct{}{}, map[string]*list.Element{}
	}
	s.asked[key] = make(chan struct{})
	return nil, nil
}

// settle keeps an index that was read; nil is none.
func (s *indices) settle(key string, x *index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.asked[key])
	delete(s.asked, key)
	if x == nil {
		return
	}
	s.kept[key] = s.recent.PushFront(x)
	for s.used += x.bytes(); s.used > maxIndices && s.recent.Len() > 1; {
		s.drop(s.recent.Back())
	}
}

func (s *indices) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.kept[key]; ok {
		s.drop(e)
	}
}

func (s *indices) drop(e *list.Element) {
	x := s.recent.Remove(e).(*index)
	delete(s.kept, x.key)
	s.used -= x.bytes()
}
