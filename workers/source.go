package workers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
)

// source is a job's slide, open, and proved to be the one that was ordered.
type source struct {
	slide.Slide
	sum   [sha256.Size]byte
	bytes int64 // of all its files
	still *intake.Still
	path  string
}

// open opens the job's slide, with the scale that the file itself states, and proves that it is the one that was
// ordered: by its content, since version, size and time may change where that does not. What is opened is what was
// hashed; that it stays so is for Check to say of files, and for each read to say of an object.
func (t *Tile) open(ctx context.Context, job jobs.Job) (*source, error) {
	still, err := intake.HoldStill(ctx, t.Remote, job.Source)
	if err != nil {
		return nil, &unnamed{err, job.Source}
	}
	s := &source{still: still, path: job.Source}
	if s.sum, err = still.Remote.Hash(ctx, job.Source, func(n int64) { s.bytes = n }); err != nil {
		return nil, &unnamed{err, job.Source}
	}
	if id := pyramid.NewSlideID(s.sum); id != job.Slide {
		return nil, &Permanent{&intake.Refusal{Err: fmt.Errorf("the file changed since it was ordered: it is slide %v now, not %v; order it again", id, job.Slide)}}
	}
	if s.Slide, err = still.Remote.Open(ctx, job.Source, slide.Options{}); err != nil {
		if changed := s.unchanged(); changed != nil { // half of another file looks damaged
			return nil, changed
		}
		return nil, &unnamed{err, job.Source}
	}
	t.clock.grantPixels(s.Info().Size().Pixels())
	return s, nil
}

// unchanged reports that the files are not those any more that were hashed. The job is then tried again, and the new
// hash says whether they are another slide.
func (s *source) unchanged() error {
	if err := s.still.Check(); err != nil {
		return &unnamed{err, s.path}
	}
	return nil
}

// permanentIfSlide marks errors that the slide's file causes: reading it again changes nothing. A tile
// that the disk did not give is not among them.
func permanentIfSlide(err error) error {
	var format *slide.FormatError
	var unsupported *slide.UnsupportedError
	if errors.As(err, &format) || errors.As(err, &unsupported) {
		return &Permanent{err}
	}
	return err
}

// unnamed is an error of a slide's file, told without where the file lies.
type unnamed struct {
	error
	path string
}

func (e *unnamed) Error() string { return strings.ReplaceAll(e.error.Error(), e.path, "its file") }
func (e *unnamed) Unwrap() error { return e.error }
