package blocks

// How far ahead the reader goes. Many reads go on at once, each in its own row of tiles; so where one
// stands is not kept in one place but with the blocks themselves: each knows how long the run was that
// brought it.
const (
	// maxAhead is how many runs are fetched ahead at once.
	maxAhead = 8
	// minAhead is the run from which on somebody reads on for sure. Below it nothing is fetched ahead, or
	// reading a directory would take a megabyte with it.
	minAhead = 4
	// scanning is the number of requests that somebody waited for after which the object is being read as a
	// whole: an inspection makes fewer. From then on runs begin at minAhead.
	scanning = 32
	// Of so many blocks evicted, this many unread halve the runs and so few double them.
	window, wasteful, thrifty = 256, window / 4, window / 16
)

// pace decides the length of runs. Runs that the cache cannot hold until they are read would move an
// object several times: what is evicted unread shortens them, and as long as little is, they grow again.
type pace struct {
	most            int64 // blocks in a run
	waited          int64 // requests that somebody waited for
	evicted, wasted int   // blocks that left the cache in this window, and those of them that nobody had read
	ahead           int   // runs being fetched ahead
}

func newPace() pace { return pace{most: maxRun} }

// first is the length of a run that begins with a block that somebody waits for; before is the one in
// front of it, or nil.
func (p *pace) first(before *block) int64 {
	p.waited++
	n := int64(1)
	if before != nil {
		n = 2 * before.run
	}
	if p.waited > scanning {
		n = max(n, minAhead)
	}
	return min(n, p.most)
}

// leave hears of a block that left the cache.
func (p *pace) leave(b *block) {
	p.evicted++
	if !b.touched {
		p.wasted++
	}
	if p.evicted < window {
		return
	}
	switch {
	case p.wasted >= wasteful:
		p.most = max(1, p.most/2)
	case p.wasted <= thrifty:
		p.most = min(maxRun, 2*p.most)
	}
	p.evicted, p.wasted = 0, 0
}

// fetchAhead has fetched, in the background, what follows the run of a block. It asks for nothing if the
// run was short, so many are on their way already, or the blocks are there. Callers hold mu.
func (r *Reader) fetchAhead(b *block) {
	if b.run < minAhead || r.pace.ahead >= maxAhead || r.ctx.Err() != nil {
		return
	}
	next := b.at - b.run/2 + b.run // the trigger is the run's middle
	run := r.begin(next, min(2*b.run, r.pace.most))
	if len(run) == 0 {
		return
	}
	r.pace.ahead++
	r.ahead.Go(func() {
		r.load(run)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pace.ahead--
	})
}
