package jetstream

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// TestPace: a lane is asked briskly for a while after its bell, and then seldom, unless bells may go unheard. A bell
// has a lane asked at once, whatever its pace.
func TestPace(t *testing.T) {
	l := newLine(30*time.Second, false)
	at := jobs.Lane{Priority: jobs.Routine}
	lane := l.lanes[at]
	if pace := l.pace(l.lanes[jobs.Lane{Priority: jobs.Stat}], false); pace != 3*time.Second {
		t.Errorf("a lane of stat is asked every %v", pace)
	}
	if brisk, calm := l.pace(lane, true), l.pace(lane, false); brisk != 3*time.Second || calm != 15*time.Second {
		t.Errorf("a lane whose bell never rang is asked every %v, and if we may be deaf every %v", calm, brisk)
	}
	now := time.Now()
	lane.empty = now.Add(-5 * time.Second)
	if !lane.quiet(now, l.pace(lane, false)) {
		t.Error("a calm lane is asked again after five seconds")
	}
	rung := l.listen()
	l.ring(jobs.Names{}, jobs.Names{}.Subject(at, jobs.ID{Stage: jobs.Stitch}))
	if lane.quiet(now, l.pace(lane, false)) {
		t.Error("a lane whose bell has rung is not asked")
	}
	select {
	case <-rung:
	default:
		t.Error("nobody is woken")
	}
	lane.empty = time.Now().Add(settling + time.Second)
	if later := lane.empty.Add(4 * time.Second); lane.quiet(later, l.pace(lane, false)) {
		t.Error("a lane whose bell rang lately is not asked after four seconds")
	}
	lane.rung.Store(time.Now().Add(-time.Minute).UnixNano())
	if pace := l.pace(lane, false); pace != 15*time.Second {
		t.Errorf("two patiences after its bell a lane is asked every %v", pace)
	}
}

// TestSettling: a lane whose bell rang before the server had stored the job is asked again and again, in pauses that double, so
// that a job is had after little more than twice the time that it took to be stored.
func TestSettling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, l := &Queue{closed: make(chan struct{})}, newLine(30*time.Second, false)
		at := jobs.Lane{Priority: jobs.Routine}
		lane, never := l.lanes[at], make(chan struct{})
		l.ring(jobs.Names{}, jobs.Names{}.Subject(at, jobs.ID{Stage: jobs.Stitch}))
		rang, asked := time.Now(), time.Now()
		lane.empty = asked
		for pause := eager; time.Since(rang) < settling; {
			pause = q.await(t.Context(), never, pause, l.idle)
			if lane.quiet(time.Now(), l.pace(lane, false)) {
				t.Fatalf("not asked %v after the bell", time.Since(rang))
			}
			if late := time.Since(rang); late > 2*asked.Sub(rang)+2*eager {
				t.Errorf("asked %v after the bell, and before that after %v", late, asked.Sub(rang))
			}
			asked = time.Now()
			lane.empty = asked
		}
	})
}

// TestRingAll: after the server was away every lane counts as rung, but no bell is touched before all hang.
func TestRingAll(t *testing.T) {
	q := &Queue{lines: map[jobs.Stage]*line{jobs.Tile: newLine(time.Second, false)}, express: map[jobs.Stage]*line{jobs.Tile: newLine(time.Second, true)}}
	for _, hung := range []bool{false, true} {
		q.hung.Store(hung)
		q.ringAll()
		for _, l := range []*line{q.lines[jobs.Tile], q.express[jobs.Tile]} {
			for at, lane := range l.lanes {
				if (lane.rung.Load() != 0) != hung {
					t.Errorf("bells hang: %v, lane %v rang: %v", hung, at, lane.rung.Load() != 0)
				}
			}
		}
	}
}
