package jobs

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Limits of what a job may hold. A message from outside is refused before it is believed.
const (
	// MaxParts bounds Finish's total and a job's batch. A slide of a million regions makes some
	// thousand batches.
	MaxParts = 1 << 20

	maxSource     = 4 << 10
	maxParameters = 64 << 10
	maxEncoded    = 256 << 10 // base64 and JSON around the parts above
	maxReason     = 4 << 10
)

// NewTile is the job that cuts one slide. source is where the stage finds it, parameters the run's as
// canonical JSON.
func NewTile(slide pyramid.SlideID, source string, parameters []byte) Job {
	return Job{Stage: Tile, Slide: slide, Source: source, Parameters: parameters}.identified()
}

// NewSegment is the job that segments one batch of a run's regions.
func NewSegment(slide pyramid.SlideID, run pyramid.RunID, batch int) Job {
	return Job{Stage: Segment, Slide: slide, Run: run, Batch: batch}.identified()
}

// NewStitch is the job that joins a run's regions.
func NewStitch(slide pyramid.SlideID, run pyramid.RunID) Job {
	return Job{Stage: Stitch, Slide: slide, Run: run}.identified()
}

// InFill is the segment or stitch job as one of a fill of its run.
func (j Job) InFill(n int) Job {
	j.Fill = n
	return j.identified()
}

func (j Job) identified() Job {
	j.ID = j.Identity().String()
	return j
}

// Identity derives the job's identity from its content. Job.ID is its text.
func (j Job) Identity() ID {
	id := ID{Stage: j.Stage, Slide: j.Slide, Run: j.Run, Batch: j.Batch, Fill: j.Fill}
	if j.Stage == Tile {
		h := sha256.New()
		fmt.Fprintf(h, "%d:%s", len(j.Source), j.Source)
		h.Write(j.Parameters)
		id = ID{Stage: Tile, Slide: j.Slide, Sum: [8]byte(h.Sum(nil))}
	}
	return id
}

// Validate reports, with ErrInvalid, a job that its constructor did not make.
func (j Job) Validate() error {
	if err := j.validate(); err != nil {
		return fmt.Errorf("job %.120q: %w: %w", j.ID, ErrInvalid, err)
	}
	return nil
}

func (j Job) validate() error {
	if _, err := ParsePriority(string(j.Priority)); err != nil {
		return err
	}
	if j.Turn < 0 {
		return fmt.Errorf("turn %d: want 0 or more", j.Turn)
	}
	if err := j.validateSource(); err != nil {
		return err
	}
	if len(j.Parameters) > maxParameters || len(j.Parameters) > 0 && !json.Valid(j.Parameters) {
		return fmt.Errorf("parameters of %d bytes: want JSON of at most %d", len(j.Parameters), maxParameters)
	}
	id, err := ParseID(j.ID)
	if err != nil {
		return err
	}
	if id != j.Identity() {
		return fmt.Errorf("the id does not fit the content, which is %s", j.Identity())
	}
	return nil
}

func (j Job) validateSource() error {
	switch {
	case j.Stage == Tile && (j.Source == "" || j.Run != pyramid.RunID{} || j.Batch != 0 || j.Fill != 0):
		return fmt.Errorf("a tile job needs a source and has neither run, batch nor fill")
	case j.Stage != Tile && (j.Source != "" || j.Parameters != nil):
		return fmt.Errorf("only a tile job has a source and parameters")
	case len(j.Source) > maxSource || !utf8.ValidString(j.Source) || strings.ContainsFunc(j.Source, unicode.IsControl):
		return fmt.Errorf("source of %d bytes: want plain text of at most %d", len(j.Source), maxSource)
	}
	return nil
}

// Encode writes a valid job.
func Encode(j Job) ([]byte, error) {
	if err := j.Validate(); err != nil {
		return nil, err
	}
	return encode("job "+j.ID, j)
}

// Decode reads and validates what Encode writes. Fields it does not know are skipped, so that
// versions may differ while a cluster is upgraded; but the id of a fill's job (see Job.Fill) is none to programs of before
// there were such, so stitchers are upgraded last.
func Decode(data []byte) (j Job, err error) {
	if err := decode("job", data, &j); err != nil {
		return Job{}, err
	}
	if err := j.Validate(); err != nil {
		return Job{}, err
	}
	return j, nil
}

// EncodeDead writes a dead job. Its job may be invalid: that may be why it is dead. A long reason is
// cut.
func EncodeDead(d Dead) ([]byte, error) {
	if len(d.Reason) > maxReason {
		d.Reason = strings.ToValidUTF8(d.Reason[:maxReason], "") + "…"
	}
	return encode("dead job "+d.Job.ID, d)
}

// DecodeDead reads what EncodeDead writes.
func DecodeDead(data []byte) (d Dead, err error) {
	err = decode("dead job", data, &d)
	return d, err
}

// EncodeEvent writes an event.
func EncodeEvent(e Event) ([]byte, error) { return encode("event", e) }

// DecodeEvent reads what EncodeEvent writes.
func DecodeEvent(data []byte) (e Event, err error) {
	err = decode("event", data, &e)
	return e, err
}

func encode(what string, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err == nil && len(data) > maxEncoded {
		err = fmt.Errorf("%w: %d bytes, at most %d", ErrInvalid, len(data), maxEncoded)
	}
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	return data, nil
}

func decode(what string, data []byte, v any) error {
	if len(data) > maxEncoded {
		return fmt.Errorf("decode %s: %w: %d bytes, at most %d", what, ErrInvalid, len(data), maxEncoded)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode %s: %w: %w", what, ErrInvalid, err)
	}
	return nil
}

// Spent is the dead entry of a job whose deliveries are used up without anybody saying why.
func Spent(j Job, attempts int) Dead {
	return Dead{
		Job:    j,
		Reason: fmt.Sprintf("its worker was lost, or gave it back, on each of %d attempts: look for a crash or for too little memory", attempts),
		At:     time.Now().UTC(),
	}
}

// CheckPart reports, with ErrInvalid, what Finish can't mark.
func CheckPart(part, total int) error {
	if total < 1 || total > MaxParts || part < 0 || part >= total {
		return fmt.Errorf("%w: part %d of %d: want 0 ≤ part < total ≤ %d", ErrInvalid, part, total, MaxParts)
	}
	return nil
}

// CompareDead orders the dead list: the oldest first.
func CompareDead(a, b Dead) int {
	return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Job.ID, b.Job.ID))
}
