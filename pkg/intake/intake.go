// Package intake is where a file becomes a job and where the end of a job is read back: it checks a
// slide before anything is promised, names it by content, enqueues it, and waits for its report. The
// store is the truth about what is done; events only make the waiting pleasant.
package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// Order is one slide to be worked on with one model and one set of parameters.
type Order struct {
	Source     string // path of the slide, or its address where it is no file
	SHA256     [32]byte
	Slide      pyramid.SlideID
	Run        pyramid.RunID
	Model      segment.ModelRef
	Parameters segment.Parameters
	// File is the slide's name in the ledger; empty means that of the source.
	File string
	// Accession is the case that the slide belongs to. It is kept in the ledger and nowhere else.
	Accession string
	Priority  jobs.Priority
	Turn      int // how many slides of the accession wait before this one
	// Bytes and Changed are those of Request, or of the file.
	Bytes   int64
	Changed time.Time
	// Contradiction says that the operator's scale is another than the file's; empty if they agree.
	Contradiction string
}

// Refusal is a slide that is readable but must not be analysed, such as one without a scale. Its text is written
// for people: what is wrong, and what to do.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// PrepareConfig is what a slide is prepared for and with.
type PrepareConfig struct {
	Model      *segment.Model
	Parameters segment.Parameters
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
		return fmt.Sprintf("the file says %.3g µm/px, --mpp says %.3g: --mpp is believed", own.Mean(), mpp), nil
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
		return fmt.Errorf("scale of %.3g µm/px is %.1f times coarser than the %.3g µm/px of model %s: scan at a higher magnification, or correct --mpp",
			info.MPP.Mean(), r, m.Description.MPP, m.Ref.Name)
	}
	return nil
}

// Ticket is what a tile job's parameters hold: the run's parameters and the model that was ordered, so
// that a worker with another one does not begin another run.
type Ticket struct {
	segment.Parameters
	Model string `json:"model"` // SHA-256 of its file
}

// Job is the tile job that begins the order's work.
func (o *Order) Job() (jobs.Job, error) {
	ticket, err := json.Marshal(Ticket{o.Parameters, o.Model.SHA256})
	if err != nil {
		return jobs.Job{}, fmt.Errorf("parameters: %w", err)
	}
	job := jobs.NewTile(o.Slide, o.Source, ticket)
	job.Priority, job.Turn = o.Priority, o.Turn
	return job, nil
}

// runOf is the run that a job works for. A tile job names none, but its ticket says what makes one: of two orders
// of a slide, one with a wrong scale, only one fails. Zero if nobody can tell.
func runOf(job jobs.Job) pyramid.RunID {
	if job.Stage != jobs.Tile {
		return job.Run
	}
	var ticket Ticket
	if err := json.Unmarshal(job.Parameters, &ticket); err != nil {
		return pyramid.RunID{}
	}
	return ticket.RunID(job.Slide, segment.ModelRef{SHA256: ticket.Model})
}

// entry is what the ledger keeps of the order.
func (o *Order) entry() Entry {
	file := o.File
	if file == "" {
		file = slide.FileName(o.Source)
	}
	return Entry{
		Slide: o.Slide, Run: o.Run, SHA256: hex.EncodeToString(o.SHA256[:]), File: file,
		Accession: o.Accession, Priority: o.Priority.Known(), Model: o.Model.SHA256, At: time.Now().UTC(),
		Bytes: o.Bytes, Changed: o.Changed.UTC(),
	}
}

// owns reports whether a job or an event of the slide belongs to the order. What happens before a run
// has begun names none.
func (o *Order) owns(slide pyramid.SlideID, run pyramid.RunID) bool {
	return slide == o.Slide && (run == o.Run || run == pyramid.RunID{})
}

// Failure is an order that ended on the dead list.
type Failure struct{ Reason string }

func (f *Failure) Error() string { return f.Reason }

// Desk takes orders and answers when they are done.
type Desk struct {
	Bucket store.Bucket
	Queue  jobs.Queue
	Events <-chan jobs.Event // from Events.Watch; read by one Wait at a time
}

// Report reads the order's report, or store.ErrNotFound while there is none.
func (d *Desk) Report(ctx context.Context, o *Order) (*stitch.Report, error) {
	keys := store.Slide(o.Slide).Run(o.Run)
	if _, err := d.Bucket.Stat(ctx, keys.Manifest()); err != nil {
		return nil, err
	}
	data, err := store.ReadAll(ctx, d.Bucket, keys.Report(), maxReport)
	if err != nil {
		return nil, err
	}
	report, err := stitch.DecodeReport(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: remove %s from the store and run again", keys.Report(), err, keys.Manifest())
	}
	return report, nil
}

// maxReport bounds a report that is read into memory.
const maxReport = 64 << 20

// Ledger is the book that the desk writes orders into.
func (d *Desk) Ledger() Ledger { return Ledger{d.Bucket} }

// Submit enqueues the order and writes it into the ledger, in this order: what the ledger knows to wait does
// wait, even if the queue was full or the process was killed in between. Submitting again is harmless. A job
// that died earlier is tried again, and so is a slide that was cancelled or given up.
func (d *Desk) Submit(ctx context.Context, o *Order) error {
	job, err := o.Job()
	if err != nil {
		return err
	}
	if err := CheckAccession(o.Accession); err != nil {
		return err
	}
	l := d.Ledger()
	end, err := l.End(ctx, o.Slide)
	if err == nil {
		err = l.Reopen(ctx, o.Slide)
	}
	if err != nil {
		return fmt.Errorf("order of %v: %w", o.Slide, err)
	}
	err = d.forget(ctx, o, end)
	if err == nil {
		err = d.Queue.Publish(ctx, job)
	}
	if err == nil {
		return l.enter(ctx, o.entry())
	}
	if end != nil { // it is not tried again, so it ended as before
		err = errors.Join(err, l.Close(context.WithoutCancel(ctx), o.Slide, *end))
	}
	return err
}

// forget takes the order's dead jobs off the list. Of an order that ended without them, by a person, the queue
// knows jobs that were published lately and came to nothing: without a word it would drop them as doubles, and
// the order would wait for ever. The word is given here once more, as workers have let jobs go since.
func (d *Desk) forget(ctx context.Context, o *Order, end *End) error {
	dead, err := d.Queue.Dead(ctx)
	if err != nil {
		return err
	}
	for _, entry := range dead {
		if o.owns(entry.Job.Slide, runOf(entry.Job)) {
			if err := d.Queue.Forget(ctx, entry.Job.ID); err != nil {
				return err
			}
		}
	}
	if queue, able := d.Queue.(jobs.Canceller); able && end != nil {
		_, err = queue.Cancel(ctx, o.Slide)
	}
	return err
}

// lookEvery is how often Wait asks the store and the dead list, in case an event was lost.
const lookEvery = 2 * time.Second

// Wait returns the order's report once it is done, or a *Failure. watch, if not nil, hears the
// order's events.
func (d *Desk) Wait(ctx context.Context, o *Order, watch func(jobs.Event)) (*stitch.Report, error) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		report, err := d.end(ctx, o)
		if report != nil || err != nil {
			return report, err
		}
		if err := d.next(ctx, o, look.C, watch); err != nil {
			return nil, err
		}
	}
}

// next returns when it is worth looking for the end again.
func (d *Desk) next(ctx context.Context, o *Order, look <-chan time.Time, watch func(jobs.Event)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look:
			return nil
		case e, ok := <-d.Events:
			if !ok {
				return errors.New("the event stream ended")
			}
			if !o.owns(e.Slide, e.Run) {
				continue
			}
			if watch != nil {
				watch(e)
			}
			if e.State == jobs.Failed || e.Stage == jobs.Stitch && e.State == jobs.Done {
				return nil
			}
		}
	}
}

// end looks whether the order is done or dead; both are nil while it is neither.
func (d *Desk) end(ctx context.Context, o *Order) (*stitch.Report, error) {
	report, err := d.Report(ctx, o)
	if err == nil {
		return report, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	dead, err := d.Queue.Dead(ctx)
	if err != nil {
		return nil, err
	}
	for _, entry := range dead {
		if o.owns(entry.Job.Slide, runOf(entry.Job)) {
			return nil, &Failure{entry.Reason}
		}
	}
	return nil, nil
}
