// Package intake is where a file becomes a job and where the end of a job is read back: it checks a
// slide before anything is promised, names it by content, enqueues it, and waits for its report. The
// store is the truth about what is done; events only make the waiting pleasant.
package intake

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
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
	Turn      int     // how many slides of the accession wait before this one
	ListedMPP float64 // the scale that a worklist gave; 0 if none did
	// Asked and Folder are those of Request.
	Asked  time.Time
	Folder string
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
		Bytes: o.Bytes, Changed: o.Changed.UTC(), ListedMPP: o.ListedMPP, Asked: o.Asked, Folder: o.Folder,
	}
}

// owns reports whether a job or an event of the slide belongs to the order. What happens before a run
// has begun names none.
func (o *Order) owns(slide pyramid.SlideID, run pyramid.RunID) bool {
	return slide == o.Slide && (run == o.Run || run == pyramid.RunID{})
}
