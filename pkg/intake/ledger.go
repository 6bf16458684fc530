package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Entry is what the ledger keeps of an order: the only place that joins a slide's id with the name of
// its file, or files, and its accession. Both may point to a patient, so they stay in the record's content.
type Entry struct {
	Slide  pyramid.SlideID `json:"slide"`
	Run    pyramid.RunID   `json:"run,omitzero"` // none if it was refused before there was one
	SHA256 string          `json:"sha256"`
	File   string          `json:"file"` // as the operator knows it: its name, or its path below the watched folder
	// Names are further ones under which the same slide was ordered; with MoreNames there are some that are not kept.
	Names     []string      `json:"names,omitempty"`
	MoreNames bool          `json:"more_names,omitempty"`
	Accession string        `json:"accession,omitempty"`
	Priority  jobs.Priority `json:"priority"`
	Model     string        `json:"model,omitempty"` // SHA-256 of its file
	At        time.Time     `json:"at"`
	// Asked is when somebody said accession and priority, where that was before At: a retry says nothing anew, and what a
	// worklist corrected in between is a correction still.
	Asked time.Time `json:"asked,omitzero"`
	// Folder tells the watched folder that the slide was taken from, see FolderMark. Other folders have files of the same name.
	Folder string `json:"folder,omitempty"`
	// ListedMPP is the scale that a worklist gave when the slide was ordered from it last; 0 if none did. Another one there
	// is a correction, whatever a person ordered by hand.
	ListedMPP float64 `json:"listed_mpp,omitempty"`
	// Bytes and Changed tell a watched folder that a file is the one it knows, without reading it.
	Bytes   int64     `json:"bytes,omitempty"`
	Changed time.Time `json:"changed,omitzero"`
	Again   *Again    `json:"again,omitempty"` // of a slide that was refused or failed and has no job
}

// Said is when somebody said accession and priority.
func (e *Entry) Said() time.Time {
	if e.Asked.IsZero() {
		return e.At
	}
	return e.Asked
}

// FolderMark tells folders apart without their paths, which may name a patient.
func FolderMark(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:8])
}

// The states of an order without a result; stitch.Done is one with.
const (
	Refused   = "refused"   // the slide is not fit; the reason says what to do
	Failed    = "failed"    // the software or its surroundings did not manage
	Cancelled = "cancelled" // by a person
	Replaced  = "replaced"  // it came to nothing, and another file has taken the place of its file
)

// End is how an order ended without a result.
type End struct {
	State  string    `json:"state"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	// Stage is that of the job that failed, where its queue does not know it any more.
	Stage jobs.Stage `json:"stage,omitempty"`
	// GivenUp: a person has seen it and wants no more of it.
	GivenUp bool `json:"given_up,omitempty"`
}

// Ledger is the book of orders in the store. It is safe for concurrent use; of two who write about one
// slide the later wins.
//
// # Memory
//
// Lines holds one Line per order that it was asked for, about half a kilobyte each.
type Ledger struct{ Bucket store.Bucket }

const (
	maxRecord  = 64 << 10
	maxName    = 1 << 10 // of a file or an accession
	readAtOnce = 16
)

// CheckAccession refuses text that no laboratory uses as an accession and a terminal cannot show.
func CheckAccession(text string) error {
	if len(text) > 64 || !utf8.ValidString(text) || containsControl(text) {
		return fmt.Errorf("accession of %d bytes: want at most 64 of plain text", len(text))
	}
	return nil
}

func containsControl(text string) bool {
	for _, r := range text {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}

// Enter writes an order down and forgets how an earlier one of the slide ended.
func (l Ledger) Enter(ctx context.Context, e Entry) error {
	if err := CheckAccession(e.Accession); err != nil {
		return err
	}
	if err := l.Reopen(ctx, e.Slide); err != nil {
		return fmt.Errorf("order of %v: %w", e.Slide, err)
	}
	return l.enter(ctx, e)
}

// enter writes an order down over an earlier one of the slide, of which it keeps what is still true.
func (l Ledger) enter(ctx context.Context, e Entry) error {
	old, err := l.Entry(ctx, e.Slide)
	if err := unlessMissing(err); err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	e.inherit(old)
	return l.record(ctx, e)
}

// errUnreadable is a record that is no JSON: the next one replaces it.
var errUnreadable = errors.New("the record is damaged")

func (l Ledger) record(ctx context.Context, e Entry) error {
	e.File = kept(e.File)
	return l.write(ctx, store.Order(e.Slide).Record(), e)
}

// maxEndReason bounds a reason; what is longer is a stack or a list and ends in "…".
const maxEndReason = 2 << 10

// Close writes down that an order ended without a result.
func (l Ledger) Close(ctx context.Context, slide pyramid.SlideID, e End) error {
	if len(e.Reason) > maxEndReason {
		e.Reason = e.Reason[:maxEndReason] + "…"
	}
	return l.write(ctx, store.Order(slide).End(), e)
}

// Reopen forgets how an order ended, because it is tried again.
func (l Ledger) Reopen(ctx context.Context, slide pyramid.SlideID) error {
	return l.Bucket.Delete(ctx, store.Order(slide).End())
}

func (l Ledger) write(ctx context.Context, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return l.Bucket.Put(ctx, key, bytes.NewReader(data), int64(len(data)))
}

// Entry reads a slide's order, or store.ErrNotFound.
func (l Ledger) Entry(ctx context.Context, slide pyramid.SlideID) (e Entry, err error) {
	err = l.read(ctx, store.Order(slide).Record(), &e)
	return e, err
}

// OrderedRun is the run that counts of a slide, finished or not: that of its last order. It is none where no order says so,
// as where the slide was never ordered, its record is damaged, or it was refused before there was a run.
func (l Ledger) OrderedRun(ctx context.Context, slide pyramid.SlideID) (pyramid.RunID, error) {
	e, err := l.Entry(ctx, slide)
	if errors.Is(err, errUnreadable) {
		return pyramid.RunID{}, nil
	}
	return e.Run, unlessMissing(err)
}

// End reads how a slide's order ended, or nil if nobody said.
func (l Ledger) End(ctx context.Context, slide pyramid.SlideID) (*End, error) {
	var e End
	err := l.read(ctx, store.Order(slide).End(), &e)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &e, err
}

func (l Ledger) read(ctx context.Context, key string, into any) error {
	data, err := store.ReadAll(ctx, l.Bucket, key, maxRecord)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w: %w", key, errUnreadable, err)
	}
	return nil
}

// Dropped reports whether a person cancelled the slide: its jobs are to be let go undone.
func (l Ledger) Dropped(ctx context.Context, slide pyramid.SlideID) (bool, error) {
	end, err := l.End(ctx, slide)
	return err == nil && end != nil && end.State == Cancelled, err
}

// Line is one order and, if it ended without a result, how.
type Line struct {
	Entry
	End *End
}

// Lines lists the orders that were written since a time, of all times if it is zero, by id. A record
// that cannot be read is a line that says so.
func (l Ledger) Lines(ctx context.Context, since time.Time) ([]Line, error) {
	return l.lines(ctx, since, false)
}

// lines is Lines, if wished without reading what has not ended.
func (l Ledger) lines(ctx context.Context, since time.Time, endedOnly bool) ([]Line, error) {
	var found []Line
	ended := map[pyramid.SlideID]bool{}
	for object, err := range l.Bucket.List(ctx, store.Orders()) {
		if err != nil {
			return nil, fmt.Errorf("list orders: %w", err)
		}
		id, kind, err := store.ParseOrder(object.Key)
		switch {
		case err != nil: // a foreign file
		case kind == store.EndRecord:
			ended[id] = true
		case kind == store.OrderRecord && !object.Modified.Before(since):
			found = append(found, Line{Entry: Entry{Slide: id, At: object.Modified}})
		}
	}
	if endedOnly {
		found = slices.DeleteFunc(found, func(line Line) bool { return !ended[line.Slide] })
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i := range found {
		group.Go(func() error { return l.fill(ctx, &found[i], ended[found[i].Slide]) })
	}
	return found, group.Wait()
}

func (l Ledger) fill(ctx context.Context, line *Line, ended bool) error {
	e, err := l.Entry(ctx, line.Slide)
	if err == nil && ended {
		line.End, err = l.End(ctx, line.Slide)
	}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		line.End = &End{State: Failed, Reason: "its record cannot be read: " + err.Error(), At: line.At}
		return nil
	}
	line.Entry = e
	return nil
}
