package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
)

// PrepareConfig is what a slide is prepared for and with.
type PrepareConfig struct {
	Model      *segment.Model
	Parameters segment.Parameters
	Listed     bool         // their scale is a worklist's
	Remote     slide.Remote // opens slides that are no files; nil where there are none
	// Progress hears the bytes hashed so far, and of how many; it may be nil.
	Progress func(done, total int64)
	// Patience bounds the time that the slide is read; nil is one that does not know what hangs already.
	Patience *Patience
}

// Prepare checks that the slide opens and has a scale that fits the model, and names it by content. source is
// its path or address. One that is not read in time is an Overdue.
func Prepare(ctx context.Context, source string, c PrepareConfig) (*Order, error) {
	c.Remote = sameVersion(c.Remote)
	return inTime(ctx, c.Patience, source, func(ctx context.Context, r *reading) (*Order, error) { return c.prepare(ctx, source, r) })
}

func (c *PrepareConfig) prepare(ctx context.Context, source string, r *reading) (*Order, error) {
	p := c.Model.Settle(c.Parameters)
	if err := c.fits(ctx, source, p.MPP); err != nil {
		return nil, err
	}
	heard, err := c.heard(ctx, source)
	if err != nil {
		return nil, err
	}
	n, err := nameOf(ctx, c.Remote, source, r.hashes(heard))
	if err != nil {
		return nil, err
	}
	o := &Order{Source: source, SHA256: n.sum, Slide: n.slide(), Model: c.Model.Ref, Parameters: p, Bytes: n.bytes, Changed: n.changed}
	o.Run = p.RunID(o.Slide, c.Model.Ref)
	r.opens()
	o.Contradiction, err = c.contradiction(ctx, source, p.MPP)
	return o, err
}

// heard is Progress for who knows no total.
func (c *PrepareConfig) heard(ctx context.Context, source string) (func(n int64), error) {
	if c.Progress == nil {
		return nil, nil
	}
	total, err := c.Remote.Bytes(ctx, source)
	return func(n int64) { c.Progress(n, total) }, err
}

// name is what a slide is known by.
type name struct {
	sum     [sha256.Size]byte
	bytes   int64 // of the file, where it is one, as changed
	changed time.Time
}

func (n *name) slide() pyramid.SlideID { return pyramid.NewSlideID(n.sum) }

// nameOf reads the whole slide.
func nameOf(ctx context.Context, remote slide.Remote, source string, progress func(n int64)) (n name, err error) {
	if st, err := os.Stat(source); err == nil && !slide.IsRemote(source) {
		n.bytes, n.changed = st.Size(), st.ModTime().UTC()
	}
	n.sum, err = remote.Hash(ctx, source, progress)
	if errors.Is(err, slide.ErrEmpty) {
		n.sum = sha256.Sum256(nil)
	}
	return n, err
}

// fits refuses a slide that does not open, or whose scale does not fit the model.
func (c *PrepareConfig) fits(ctx context.Context, source string, mpp float64) error {
	s, err := c.Remote.Open(ctx, source, slide.Options{MPP: mpp})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := CheckScale(s.Info(), c.Model); err != nil {
		return &Refusal{err}
	}
	return nil
}

// maxDisagreement is how far the operator's scale may be from the file's without a word.
const maxDisagreement = 1.05

// contradiction compares the operator's scale with the one that the file states.
func (c *PrepareConfig) contradiction(ctx context.Context, source string, mpp float64) (string, error) {
	if mpp == 0 {
		return "", nil
	}
	s, err := c.Remote.Open(ctx, source, slide.Options{})
	if err != nil {
		return "", err
	}
	own := s.Info().MPP
	if err := s.Close(); err != nil || !own.Known() {
		return "", err
	}
	if r := own.Mean() / mpp; r > maxDisagreement || r < 1/maxDisagreement {
		said := "--mpp"
		if c.Listed {
			said = "the worklist"
		}
		return fmt.Sprintf("the file says %.3g µm/px, %s says %.3g: %s is believed", own.Mean(), said, mpp, said), nil
	}
	return "", nil
}

// maxScaleRatio bounds how much coarser than the model's nominal scale a slide may be: beyond it the
// network would look at magnified blur.
const maxScaleRatio = 2

// CheckScale refuses a slide whose scale is unknown, impossible or too coarse for the model.
func CheckScale(info slide.Info, m *segment.Model) error {
	if err := info.CheckScale(); err != nil {
		return err
	}
	if r := info.MPP.Mean() / m.Description.MPP; r > maxScaleRatio {
		return fmt.Errorf("scale of %.3g µm/px is %.1f times coarser than the %.3g µm/px of model %s: scan at a higher magnification, or correct --mpp or the worklist's column mpp",
			info.MPP.Mean(), r, m.Description.MPP, m.Ref.Name)
	}
	return nil
}
