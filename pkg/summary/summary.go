// Package summary writes what the night operator reads in the morning: which slides are done, which
// failed or were refused and why, how long they took, with a picture of each. It reads what intake.Judge
// found out and the previews in the store; it decides nothing. Its files name slides and accessions, so
// they belong where the laboratory's other lists lie.
package summary

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/stitch"
)

// Summary is one batch or one night.
type Summary struct {
	From, To time.Time
	Rows     []Row // those that need a person first
	// Problems are what the watched folder's worklists got wrong, and that it does not answer.
	Problems []string
	// Idle says that slides wait and nobody works, and what to start; empty where somebody does, or may.
	Idle string
	// Ignored counts files that were no slides by their names.
	Ignored int
}

// Row is one slide.
type Row struct {
	intake.Standing
	Doubled string // the file that holds the same slide and was taken instead
	Picture []byte // JPEG, of what is done
}

// Count is how many slides are in each state, and how many of all are beyond their target. Copies are beside them.
type Count struct{ Done, Failed, Refused, Missing, NotOrdered, Cancelled, Replaced, Open, Late, Copies int }

// Count counts the slides, each once however many files hold it.
func (s *Summary) Count() (c Count) {
	for i := range s.Rows {
		if s.Rows[i].Copy() {
			c.Copies++
			continue
		}
		if s.Rows[i].Late() {
			c.Late++
		}
		switch s.Rows[i].State {
		case stitch.Done:
			c.Done++
		case intake.Failed:
			c.Failed++
		case intake.Refused:
			c.Refused++
		case intake.Missing:
			c.Missing++
		case intake.NotOrdered:
			c.NotOrdered++
		case intake.Cancelled:
			c.Cancelled++
		case intake.Replaced:
			c.Replaced++
		default:
			c.Open++
		}
	}
	return c
}

// Total is the number of slides. One whose file was replaced is counted as its replacement.
func (s *Summary) Total() int {
	c := s.Count()
	return len(s.Rows) - c.Copies - c.Replaced
}

// Bad is how many slides need a person because they have no result.
func (c Count) Bad() int { return c.Failed + c.Refused + c.Missing + c.NotOrdered }

// noStatement says why a slide that is done was not really looked at, or nothing. It is told of copies, too.
func (r *Row) noStatement() string {
	if r.State != stitch.Done || r.Report == nil {
		return ""
	}
	return r.Report.NoStatement()
}

// warnings are what a person should know before the numbers are believed.
func (r *Row) warnings() (list []string) {
	if r.State != stitch.Done || r.Report == nil {
		return nil
	}
	if none := r.noStatement(); none != "" {
		list = append(list, none)
	}
	return append(list, r.Report.Warnings()...)
}

// Took is how long the slide took from its order to its end, or so far.
func (r *Row) Took() time.Duration {
	switch {
	case r.At.IsZero():
		return 0
	case r.Ended.IsZero():
		return time.Since(r.At)
	}
	return max(0, r.Ended.Sub(r.At))
}

// Source gives the pictures of slides that are done.
type Source func(ctx context.Context, s *intake.Standing) ([]byte, error)

// maxPictures bounds a summary: at ten kilobytes each, five megabytes of HTML.
const maxPictures = 500

// New adds the copies that the orders know of, sorts the rows, those that need a person first and each copy behind its
// slide, and fetches the slides' pictures. A picture that is not to be had is left out.
func New(ctx context.Context, rows []Row, pictures Source) (*Summary, error) {
	rows = withCopies(rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), -cmp.Compare(score(&a), score(&b)),
			cmp.Compare(cmp.Or(a.Doubled, a.File), cmp.Or(b.Doubled, b.File)), cmp.Compare(a.Doubled, b.Doubled), cmp.Compare(a.File, b.File))
	})
	s := &Summary{Rows: rows, To: time.Now()}
	shown := 0
	for i := range rows {
		r := &rows[i]
		if s.From.IsZero() || !r.At.IsZero() && r.At.Before(s.From) {
			s.From = r.At
		}
		if r.State != stitch.Done || r.Copy() || shown == maxPictures || pictures == nil {
			continue
		}
		picture, err := pictures(ctx, &r.Standing)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			r.Picture = picture
			shown++
		}
	}
	return s, nil
}

// needsPerson reports a row that somebody must look at: it has no result, or one that says nothing of the slide.
func (r *Row) needsPerson() bool { return r.Bad() || r.noStatement() != "" }

// rank puts what needs a person before what is open before what is done.
func rank(r *Row) int {
	switch {
	case r.needsPerson():
		return 0
	case r.State == stitch.Done:
		return 2
	case r.State == intake.Cancelled, r.State == intake.Replaced:
		return 3
	}
	return 1
}

func score(r *Row) float64 {
	if r.Report == nil {
		return 0
	}
	return r.Report.Triage.Score
}
