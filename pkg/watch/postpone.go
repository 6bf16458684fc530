package watch

import (
	"context"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
)

// How long after a file was not read in its time it is tried again: at first, and at most. It is twice as long each
// time, because each try may hold the others up for as long as intake has patience.
const (
	retryFirst = 15 * time.Minute
	retryMost  = 4 * time.Hour
)

// postpone puts off a file that was not read in its time. It fails, and says so once. It is not moved to quarantine,
// where whoever looks after the scanner would look for a damaged file: its storage is what needs looking after, and
// moving it would hang as reading it did. It is tried again later, after all others; while the first read hangs still,
// intake begins no other.
func (w *Watcher) postpone(ctx context.Context, f candidate, s *seen, t intake.Taken) {
	s.taken, s.overdue = true, s.overdue+1
	s.again = time.Now().Add(min(retryMost, retryFirst<<min(s.overdue-1, 10)))
	if s.overdue > 1 {
		return
	}
	w.note(ctx, f, t)
}

// isDue reports whether a file that was put off is to be tried again.
func (s *seen) isDue(now time.Time) bool { return !s.again.IsZero() && now.After(s.again) }

// inTurn puts files that were put off behind the others. Of these come first those that the ledger knows, so that of files
// that hold one slide the one that it was ordered from is the first at each start; then the urgent ones, which reading the
// others does not keep waiting, nor a copy that nobody is in a hurry for.
func (w *Watcher) inTurn(found []candidate) []candidate {
	turns := make(map[string]int, len(found))
	for _, f := range found {
		turns[f.file] = w.turn(f)
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return turns[a.file] - turns[b.file] })
	return found
}

// turn is the smaller the sooner a file is considered.
func (w *Watcher) turn(f candidate) int {
	row, _ := w.lists.find(f.file)
	turn := 1 + urgency(row.Priority)
	if _, known := w.entries[f.file]; known {
		turn = 0
	}
	if s := w.files[f.file]; s != nil {
		turn += s.overdue * (1 + len(jobs.Priorities()))
	}
	return turn
}
