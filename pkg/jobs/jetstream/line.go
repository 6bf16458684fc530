package jetstream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// line is where the Takes of one stage wait for each other. Only the first in line asks the server, so
// that many idle workers ask no more often than one.
type line struct {
	first chan struct{} // capacity 1: held by the first in line
	lanes map[jobs.Lane]*lane
	idle  time.Duration
	calm  time.Duration // after which a lane is calm whose bell did not ring
	stat  bool          // only stat jobs are taken here
	taken int           // by the first in line, to begin with the last row now and then

	mu   sync.Mutex
	bell chan struct{} // closed and replaced when a job of the stage is published
}

// lane spares the server questions: one that was empty is not asked again before its bell rings or its pace's time
// is over.
type lane struct {
	empty time.Time    // when it was found to be; zero if it was not; only the first in line looks
	rung  atomic.Int64 // in nanoseconds of the Unix epoch
	brisk bool         // never calm
}

func (l *lane) quiet(now time.Time, pace time.Duration) bool {
	return !l.empty.IsZero() && now.Sub(l.empty) < pace && l.empty.Sub(time.Unix(0, l.rung.Load())) > settling
}

// pace is the time between two questions to a lane that is empty. Who may be deaf to bells asks every one briskly.
func (l *line) pace(at *lane, deaf bool) time.Duration {
	if deaf || at.brisk || time.Since(time.Unix(0, at.rung.Load())) < l.calm {
		return l.idle
	}
	return calmPace * l.idle
}

func newLine(patience time.Duration, stat bool) *line {
	idle := min(max(patience/10, leastIdle), mostIdle)
	l := &line{idle: idle, calm: calmAfter * patience, first: make(chan struct{}, 1), bell: make(chan struct{}), lanes: map[jobs.Lane]*lane{}, stat: stat}
	for _, at := range jobs.Lanes(false) {
		l.lanes[at] = &lane{brisk: at.Priority == jobs.Stat}
	}
	return l
}

// line makes the lines and hangs up their bells: plain subscriptions to the jobs' subjects, which
// JetStream leaves alone. Without the right to them, Take asks at idle pace (noteDenied).
func (q *Queue) line() error {
	for _, s := range q.stages() {
		l, express := newLine(q.patience, false), newLine(q.patience, true)
		if _, err := q.conn.Subscribe(q.names.JobsOf(s), func(m *nats.Msg) {
			l.ring(q.names, m.Subject)
			express.ring(q.names, m.Subject)
		}); err != nil {
			return err
		}
		q.lines[s], q.express[s] = l, express
	}
	q.hung.Store(true)
	return q.conn.Flush()
}

// stages are those that this process may take from.
func (q *Queue) stages() []jobs.Stage {
	if len(q.config.Roles) > 0 {
		return q.config.Roles
	}
	return jobs.Stages()
}

func (l *line) ring(n jobs.Names, subject string) {
	if at, _, err := n.ParseSubject(subject); err == nil {
		l.lanes[at].rung.Store(time.Now().UnixNano())
	}
	l.wake()
}

// ringAll rings every bell: while the server was away some may have rung that nobody heard.
func (q *Queue) ringAll() {
	if !q.hung.Load() {
		return // nobody takes yet
	}
	for _, l := range []map[jobs.Stage]*line{q.lines, q.express} {
		for _, l := range l {
			for _, at := range l.lanes {
				at.rung.Store(time.Now().UnixNano())
			}
			l.wake()
		}
	}
}

// wake has the first in line ask at once.
func (l *line) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.bell)
	l.bell = make(chan struct{})
}

// listen returns a channel that closes at the next ring.
func (l *line) listen() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bell
}
