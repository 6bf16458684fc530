package watch

import (
	"context"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
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

// untriedFirst puts files that were put off behind the others.
func (w *Watcher) untriedFirst(found []candidate) []candidate {
	tries := func(f candidate) int {
		if s := w.files[f.file]; s != nil {
			return s.overdue
		}
		return 0
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return tries(a) - tries(b) })
	return found
}
