package nn

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/slidemill/slidemill/pkg/segment/nn/kernel"
)

// span is some floats of a storage, counted from its first, with the steps in which they hold something. The half of a
// concatenation that comes up from the bottom of a U-Net is written long after the other: until then its memory serves
// all that lies between.
type span struct {
	life
	from, to int
}

// spans are the storage's, in order, each as long as possible. Images of a batch lie one after the other with all their
// channels: there the whole storage is one.
func (s *storage) spans() []span {
	whole := span{s.life, 0, s.floats()}
	if s.n > 1 || len(s.parts) == 1 {
		return []span{whole}
	}
	plane := whole.to / s.blocks()
	var list []span
	for b := range s.blocks() {
		l := s.lifeOf(b)
		if last := len(list) - 1; last >= 0 && list[last].life == l {
			list[last].to += plane
			continue
		}
		list = append(list, span{l, b * plane, (b + 1) * plane})
	}
	return list
}

// lifeOf is the life of a block of channels: that of all parts which lie in it. What lies between two of them counts, as one
// may have been written over the other.
func (s *storage) lifeOf(block int) life {
	l := unborn
	for _, p := range s.parts {
		if first := p.first / kernel.Block; first <= block && block < first+p.blocks() {
			l.join(p.life)
		}
	}
	return l
}

// tenant is a storage that gets a place.
type tenant struct {
	*storage
	spans []span
	at    int // where it lies now; off is where it lay when all took the least
}

// end is the float behind it and behind its gap to the next one.
func (t *tenant) end() int { return t.at + align(t.spans[len(t.spans)-1].to) }

// place assigns offsets and returns the length of the arena. The largest come first, each at the lowest offset where none
// of its spans meets what is alive at the same time. As long as it makes the arena smaller, the one that lies on top of
// all others is then the first to choose, maxRounds times at most.
func place(list []*storage, limit int64) (int, error) {
	order := make([]*tenant, len(list))
	for i, s := range list {
		order[i] = &tenant{storage: s, spans: s.spans()}
	}
	slices.SortStableFunc(order, func(a, b *tenant) int { return cmp.Compare(b.floats(), a.floats()) })
	if len(order) > 0 && int64(order[0].floats())*4 > limit {
		return 0, tooMuch(order[0].floats(), limit)
	}
	least := math.MaxInt
	for range maxRounds {
		total := settle(order)
		if total >= least {
			break
		}
		least = total
		for _, t := range order {
			t.off = t.at
		}
		top := slices.IndexFunc(order, func(t *tenant) bool { return t.end() == total })
		first := order[top]
		order = slices.Insert(slices.Delete(order, top, top+1), 0, first)
	}
	if int64(least)*4 > limit {
		return 0, tooMuch(least, limit)
	}
	return least, nil
}

func tooMuch(floats int, limit int64) error {
	return fmt.Errorf("the network needs %d MiB of activations or more at this size, the limit is %d MiB: "+
		"use smaller regions or raise the limit", int64(floats)*4>>20, limit>>20)
}

// maxRounds bounds the time that a network of thousands of operators takes to load.
const maxRounds = 8

// settle gives each its place, in this order.
func settle(order []*tenant) (total int) {
	for i, t := range order {
		t.at = t.lowest(order[:i])
		total = max(total, t.end())
	}
	return total
}

// lowest is the lowest offset at which a storage is clear of those that have their place.
func (t *tenant) lowest(others []*tenant) (off int) {
	var taken []span // offsets from the first to the last at which some span would meet another
	for _, o := range others {
		if !t.meets(o.life) {
			continue
		}
		for _, theirs := range o.spans {
			for _, ours := range t.spans {
				if ours.meets(theirs.life) {
					taken = append(taken, span{from: o.at + theirs.from - align(ours.to), to: o.at + align(theirs.to) - ours.from})
				}
			}
		}
	}
	slices.SortFunc(taken, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range taken {
		if off <= s.from {
			break
		}
		off = max(off, s.to)
	}
	return off
}

// align rounds to whole cache lines plus one, so that planes of equal size do not all start at the
// same set of the cache.
func align(floats int) int { return (floats+kernel.Block-1)/kernel.Block*kernel.Block + kernel.Block }
