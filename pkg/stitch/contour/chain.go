package contour

import "image"

// corner is a point where four pixels meet: a and b above, c and d below, true for foreground.
//
//	a | b
//	--+--
//	c | d
type corner struct {
	x, y       int32
	a, b, c, d bool
}

// node is a vertex of a chain, linked to the next one in the direction of the outline, which keeps
// the foreground at its right hand.
type node struct {
	x, y, next int32
	pinch      bool // two foreground pixels touch here only by the corner
}

const nodeBytes = 16

// chain is an unfinished outline with two open ends. Each end waits in a slot: slot 0 is the
// horizontal line being swept, slot x+1 the vertical line left of column x.
type chain struct {
	first, last         int32 // nodes
	firstSlot, lastSlot int32
}

type chains struct {
	nodes     []node
	freeNode  int32 // head of the list of unused nodes, linked by next; none ends it
	used      int
	list      []chain
	freeChain []int32
	slots     []int32 // chain by slot

	points []image.Point // of the ring that was taken last
	pinch  []bool
	rings  [][]image.Point
}

const none = -1

func newChains(width int) chains {
	return chains{freeNode: none, slots: make([]int32, width+2)}
}

func (s *chains) bytes() int64 { return int64(s.used) * nodeBytes }

const sweep = 0 // the slot of the horizontal line

func column(x int32) int32 { return x + 1 }

// visit extends the outlines through a corner. If that closes a ring, it returns the ring's first
// node, otherwise -1.
func (s *chains) visit(c corner) (closed int32) {
	v := column(c.x)
	up, left, down, right := c.a != c.b, c.a != c.c, c.c != c.d, c.b != c.d
	switch {
	case up && left && down && right:
		return s.cross(c)
	case up && down, left && right:
		return none // straight on
	case up && left:
		return s.close(c, v)
	case down && right:
		s.open(c, v)
	case up && right:
		s.turn(c, v, sweep, c.b)
	case left && down:
		s.turn(c, sweep, v, !c.c)
	}
	return none
}

// cross is the corner where two foreground pixels face each other diagonally: each outline hugs its
// own pixel.
func (s *chains) cross(c corner) (closed int32) {
	v := column(c.x)
	if c.a {
		closed = s.close(c, v)
		s.open(c, v)
		return closed
	}
	// The chain from above goes right around b, the one from the left goes down around c. They swap
	// slots, so both are read before either is written.
	above, left := s.slots[v], s.slots[sweep]
	s.moveEnd(above, c, true, sweep)
	s.moveEnd(left, c, false, v)
	return none
}

// open starts a chain that goes right and down.
func (s *chains) open(c corner, v int32) {
	n := s.node(c)
	id := s.chain(chain{first: n, last: n})
	// Around foreground d the outline comes from below and leaves to the right; around background d
	// the other way.
	if c.d {
		s.list[id].firstSlot, s.list[id].lastSlot = v, sweep
	} else {
		s.list[id].firstSlot, s.list[id].lastSlot = sweep, v
	}
	s.slots[v], s.slots[sweep] = id, id
}

// turn leads the chain end in one slot around the corner into another. backwards says that it is the
// chain's first node's end, so that the outline leaves the corner by the old slot.
func (s *chains) turn(c corner, from, to int32, backwards bool) {
	s.moveEnd(s.slots[from], c, backwards, to)
}

func (s *chains) moveEnd(id int32, c corner, backwards bool, to int32) {
	n := s.node(c)
	ch := &s.list[id]
	if backwards {
		s.nodes[n].next = ch.first
		ch.first, ch.firstSlot = n, to
	} else {
		s.nodes[ch.last].next = n
		ch.last, ch.lastSlot = n, to
	}
	s.slots[to] = id
}

// close joins the chain from above with the one from the left. If they are the two ends of one chain,
// the ring is closed and its first node returned.
func (s *chains) close(c corner, v int32) (closed int32) {
	head, tail := s.slots[v], s.slots[sweep] // a is foreground: down, then left
	if !c.a {
		head, tail = tail, head
	}
	n := s.node(c)
	s.nodes[s.list[head].last].next = n
	first := s.list[head].first
	if head == tail {
		s.freeChain = append(s.freeChain, head)
		return first
	}
	s.nodes[n].next = s.list[tail].first
	s.list[head].last, s.list[head].lastSlot = s.list[tail].last, s.list[tail].lastSlot
	s.slots[s.list[head].lastSlot] = head
	s.freeChain = append(s.freeChain, tail)
	return none
}

func (s *chains) chain(c chain) int32 {
	if n := len(s.freeChain); n > 0 {
		id := s.freeChain[n-1]
		s.freeChain = s.freeChain[:n-1]
		s.list[id] = c
		return id
	}
	s.list = append(s.list, c)
	return int32(len(s.list) - 1)
}

func (s *chains) node(c corner) int32 {
	s.used++
	n := node{c.x, c.y, none, c.a == c.d && c.b == c.c}
	if i := s.freeNode; i != none {
		s.freeNode = s.nodes[i].next
		s.nodes[i] = n
		return i
	}
	s.nodes = append(s.nodes, n)
	return int32(len(s.nodes) - 1)
}

// take unlinks a closed ring and returns it as simple rings, which are valid until the next call: nearly all rings are
// small, and a slide has a hundred thousand.
func (s *chains) take(first int32) [][]image.Point {
	if cap(s.points) > keptPoints {
		s.points, s.pinch = nil, nil
	}
	points, pinch, pinched := s.points[:0], s.pinch[:0], false
	for i := first; i != none; {
		n := s.nodes[i]
		points, pinch, pinched = append(points, image.Pt(int(n.x), int(n.y))), append(pinch, n.pinch), pinched || n.pinch
		s.nodes[i].next = s.freeNode
		s.freeNode = i
		s.used--
		i = n.next
	}
	s.points, s.pinch = points, pinch
	if pinched {
		return split(points, pinch)
	}
	s.rings = append(s.rings[:0], points)
	return s.rings
}

// keptPoints bounds the memory that waits for the next ring: a megabyte.
const keptPoints = 1 << 16

// split cuts a ring at every vertex that it visits twice. Such a vertex is always a pinch, and a ring
// touches itself without crossing, so the loops between two visits nest like brackets.
func split(points []image.Point, pinch []bool) [][]image.Point {
	var rings [][]image.Point
	stack := make([]image.Point, 0, len(points))
	at := make(map[image.Point]int) // place on the stack, pinches only
	for i, p := range points {
		if !pinch[i] {
			stack = append(stack, p)
			continue
		}
		start, seen := at[p]
		if !seen {
			at[p] = len(stack)
			stack = append(stack, p)
			continue
		}
		loop := append([]image.Point(nil), stack[start:]...)
		for _, q := range loop[1:] {
			delete(at, q)
		}
		rings = append(rings, loop)
		stack = stack[:start+1]
	}
	return append(rings, stack)
}
