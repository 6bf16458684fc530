package intake

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// Request is a file that somebody wants analysed.
type Request struct {
	Path      string // where the workers find it: a path or an address
	File      string // its name in the ledger; empty means the path's last part
	Accession string
	// Case is that of the file that lay at the path before. It is the slide's where nobody ever gave it an accession.
	Case     string
	Priority jobs.Priority
	MPP      float64 // microns per pixel, as a worklist gives them; 0 leaves it to the reception
	// Bytes and Changed are size and time of the slide as a watched folder counts them, over all its files, so that it
	// knows it again. Without them they are those of the path.
	Bytes   int64
	Changed time.Time
	Asked   time.Time // when accession and priority were said; zero means now
	Folder  string    // the mark of the watched folder, where the file lies in one
	// Elsewhere, if not nil, reports that the caller took a slide from another file that holds it. Its order stands then,
	// with whatever scale it was made: nobody wants it once more because this file was asked for with another.
	Elsewhere func(pyramid.SlideID) bool
	// Doubtful files are not written down if they cannot be read: the caller comes again.
	Doubtful bool
}

// Reception takes files in for people and programs that do not wait: each ends as an order in the queue
// or as a refusal in the ledger.
type Reception struct {
	Desk       *Desk
	Model      *segment.Model
	Parameters segment.Parameters
	Turns      *Turns
	Remote     slide.Remote // opens slides that are no files; nil where there are none
	Patience   *Patience    // bounds the time that each slide is read, see PrepareConfig
	// Once leaves alone what the ledger knows, however it ended. Otherwise what failed is tried again.
	Once bool

	fallen map[string][]pyramid.SlideID // see ReplaceAt, which is for one goroutine
}

// Taken says what became of a request.
type Taken struct {
	Slide pyramid.SlideID
	Run   pyramid.RunID // of the order; none where there is none
	// State is Waiting for what was ordered now; otherwise how it stands already, or how it ended here.
	State, Reason string
	Known         bool          // it was ordered before
	Priority      jobs.Priority // of the order, as it stands or was made now
	Warning       string        // about the operator's scale
	// Overdue: it was not read in its time. Nothing is written down, as it has no name; it may be read another time.
	Overdue bool
}

// Take takes one file in. What is wrong with the file is in Taken; an error is the system's, and the
// same request may be made again.
func (r *Reception) Take(ctx context.Context, q Request) (Taken, error) {
	if err := CheckAccession(q.Accession); err != nil {
		return Taken{State: Refused, Reason: err.Error(), Priority: q.Priority.Known()}, nil
	}
	p := r.Parameters
	if q.MPP > 0 {
		p.MPP = q.MPP
	}
	o, err := Prepare(ctx, q.Path, PrepareConfig{Model: r.Model, Parameters: p, Listed: q.MPP > 0, Remote: r.Remote, Patience: r.Patience})
	if err != nil {
		if ctx.Err() != nil {
			return Taken{}, err
		}
		return r.refuse(ctx, q, p, err)
	}
	o.File, o.Priority, o.ListedMPP, o.Asked, o.Folder = q.file(), q.Priority, q.MPP, q.Asked, q.Folder
	if q.Bytes != 0 {
		o.Bytes, o.Changed = q.Bytes, q.Changed
	}
	t := Taken{Slide: o.Slide, Run: o.Run, State: Waiting, Warning: o.Contradiction, Priority: q.Priority.Known()}
	if o.Accession, err = r.accession(ctx, o.Slide, q); err != nil {
		return t, err
	}
	known, err := r.known(ctx, o.Slide)
	if err != nil {
		return t, err
	}
	if known != nil && r.suffices(known, o.Run, q) {
		return r.stands(ctx, known, q, t.Warning)
	}
	o.Turn = r.Turns.Next(o.Accession)
	if err := r.Desk.Submit(ctx, o); err != nil {
		r.Turns.Left(o.Accession)
		return t, err
	}
	t.Priority = o.Priority
	return t, nil
}

// accession is the case of a slide that is asked for: the one that is said, that is known of it, or that of its place.
func (r *Reception) accession(ctx context.Context, id pyramid.SlideID, q Request) (string, error) {
	if q.Accession != "" || q.Case == "" {
		return q.Accession, nil
	}
	if id == EmptySlide() { // its record is of whichever empty file came last
		return q.Case, nil
	}
	e, err := r.Desk.Ledger().Entry(ctx, id)
	if errors.Is(err, errUnreadable) {
		err = nil
	}
	return cmp.Or(e.Accession, q.Case), unlessMissing(err)
}

// known is how the slide's order stands, or nil if none was made: it is unknown here, or could not be read then.
func (r *Reception) known(ctx context.Context, id pyramid.SlideID) (*Standing, error) {
	l := r.Desk.Ledger()
	e, err := l.Entry(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && e.Run == (pyramid.RunID{}) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	end, err := l.End(ctx, id)
	if err != nil {
		return nil, err
	}
	all, err := r.judge().Look(ctx, []Line{{e, end}})
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// suffices reports whether an order that was made before is what a request asks for: the same model and parameters, and
// nothing to be tried again. Its result alone will do.
func (r *Reception) suffices(known *Standing, run pyramid.RunID, q Request) bool {
	if known.State == Replaced || known.Run != run && (q.Elsewhere == nil || !q.Elsewhere(known.Slide)) {
		return false
	}
	return r.Once || known.Open() || !known.Bad() && known.State != Cancelled
}

// stands is what becomes of a request whose slide has its order already.
func (r *Reception) stands(ctx context.Context, known *Standing, q Request, warning string) (Taken, error) {
	t := Taken{
		Slide: known.Slide, Run: known.Run, State: known.State, Reason: known.Reason, Known: true,
		Priority: known.Priority.Known(), Warning: warning,
	}
	return t, r.recognise(ctx, known.Entry, q)
}

func (r *Reception) judge() *Judge { return &Judge{Ledger: r.Desk.Ledger(), Dead: r.Desk.Queue.Dead} }

// refuse writes down that a file cannot be analysed, under the id of whatever it holds. Of a slide with an order that is
// open or done only the caller hears it: that order was made with another wish, such as a scale, and stands.
func (r *Reception) refuse(ctx context.Context, q Request, p segment.Parameters, cause error) (Taken, error) {
	t := Taken{State: Failed, Reason: NamelessReason(cause, q.Path), Priority: q.Priority.Known(), Overdue: errors.Is(cause, ErrOverdue)}
	var refusal *Refusal
	if errors.As(cause, &refusal) {
		t.State = Refused
	}
	if q.Doubtful || t.Overdue || errors.Is(cause, store.ErrReplaced) { // what lies there now was not judged
		return t, nil
	}
	n, err := inTime(ctx, r.Patience, q.Path, func(ctx context.Context, reads *reading) (name, error) {
		return nameOf(ctx, r.Remote, q.Path, reads.hashes(nil))
	})
	if err != nil && !errors.Is(err, slide.ErrEmpty) {
		t.Overdue = errors.Is(err, ErrOverdue)
		return t, ctx.Err() // not even readable: there is nothing to name it by
	}
	if q.Bytes != 0 {
		n.bytes, n.changed = q.Bytes, q.Changed
	}
	t.Slide = n.slide()
	l := r.Desk.Ledger()
	known, err := r.known(ctx, t.Slide)
	switch {
	case err != nil && !errors.Is(err, errUnreadable):
		return t, err
	case known != nil && r.Once: // with a scale, such as that of another name in a worklist
		return r.stands(ctx, known, q, "")
	case known != nil && (known.Open() || known.State == stitch.Done): // a wrong wish undoes no good order
		return t, nil
	}
	old, err := l.End(ctx, t.Slide)
	if err != nil {
		return t, err
	}
	t.Known = old != nil && old.State == t.State && old.Reason == t.Reason
	if t.Known && r.Once {
		return t, r.recogniseRefused(ctx, t.Slide, q)
	}
	priority, err := r.Desk.priority(ctx, t.Slide, q.Priority)
	if err != nil {
		return t, err
	}
	accession, err := r.accession(ctx, t.Slide, q)
	if err != nil {
		return t, err
	}
	e := Entry{
		Slide: t.Slide, SHA256: hex.EncodeToString(n.sum[:]), File: q.file(), Accession: accession,
		Priority: priority, Model: r.Model.Ref.SHA256, At: time.Now().UTC(),
		Asked: q.Asked, Folder: q.Folder, Again: &Again{q.Path, p}, Bytes: n.bytes, Changed: n.changed.UTC(),
	}
	// Without Reopen: killed between the two, an order that ended has its old end, see also Standing.torn.
	if err := l.enter(ctx, e); err != nil {
		return t, err
	}
	return t, l.Close(ctx, t.Slide, End{State: t.State, Reason: t.Reason, At: e.At})
}

// recogniseRefused is recognise for what came to nothing as it does now.
func (r *Reception) recogniseRefused(ctx context.Context, id pyramid.SlideID, q Request) error {
	e, err := r.Desk.Ledger().Entry(ctx, id)
	switch {
	case errors.Is(err, errUnreadable): // the next order replaces it
		return nil
	case err != nil:
		return unlessMissing(err)
	}
	return r.recognise(ctx, e, q)
}

// recognise notes another name of a known slide; of the same name it writes size and time anew where they have changed
// though the content has not, or were written down otherwise, so that a watched folder does not read the file again at
// each start. The record is read once more: what others wrote since, such as a correction, stays.
func (r *Reception) recognise(ctx context.Context, known Entry, q Request) error {
	l := r.Desk.Ledger()
	if known.File != kept(q.file()) {
		return l.Call(ctx, known.Slide, q.file())
	}
	if q.Bytes == 0 || known.Bytes == q.Bytes && known.Changed.Equal(q.Changed) {
		return nil
	}
	e, err := l.Entry(ctx, known.Slide)
	if err != nil || e.Run != known.Run || !e.At.Equal(known.At) || e.File != known.File { // another order by now
		return unlessMissing(err)
	}
	e.Bytes, e.Changed = q.Bytes, q.Changed.UTC()
	return l.record(ctx, e)
}

// NamelessReason is the reason without the file's path, which the ledger has already and which no log may have.
func NamelessReason(cause error, path string) string {
	text := Reason(cause)
	for _, prefix := range []string{fmt.Sprintf("open slide %s: ", path), path + ": "} {
		text = strings.Replace(text, prefix, "", 1)
	}
	var inner *fs.PathError // of another file of the slide
	if errors.As(cause, &inner) && inner.Path != "" {
		text = strings.ReplaceAll(text, inner.Path, "its file")
	}
	return strings.ReplaceAll(text, path, "its file")
}

func (q *Request) file() string {
	if q.File != "" {
		return q.File
	}
	return slide.FileName(q.Path)
}
