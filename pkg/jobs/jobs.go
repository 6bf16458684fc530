// Package jobs passes work from stage to stage. It owns the names of all subjects (subjects.go), the
// jobs' contents and the contract of a Queue; the JetStream driver lives in jobs/jetstream and proves
// the contract with jobstest.
package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Stage names a kind of work and the queue that carries it.
type Stage string

const (
	Tile    Stage = "tile"    // one slide: open, check, cut, plan
	Segment Stage = "segment" // one batch of regions of one run
	Stitch  Stage = "stitch"  // one run: prove coverage, join, report
)

// Job is one piece of work. Its ID is derived from its content, so that publishing it twice is
// harmless. It never holds a patient's data.
type Job struct {
	ID    string          `json:"id"`
	Stage Stage           `json:"stage"`
	Slide pyramid.SlideID `json:"slide"`
	Run   pyramid.RunID   `json:"run,omitzero"`
	Batch int             `json:"batch,omitempty"` // segment: index into the plan's batches
	// Fill counts how often a stitcher has had lost regions of the run computed again: the jobs of a fill are others
	// than those before, so that none is dropped because its like is still in hand.
	Fill int `json:"fill,omitempty"`
	// Source is where the tile stage finds the slide: a path or an s3:// URL.
	Source string `json:"source,omitempty"`
	// Parameters are the run's, as canonical JSON; the tile stage writes them into the plan.
	Parameters []byte `json:"parameters,omitempty"`
	// Priority decides who goes first; the zero value is Routine. It is no part of the ID. Whoever
	// makes a job out of another hands it on.
	Priority Priority `json:"priority,omitempty"`
	// Turn decides among jobs of one priority: how many slides of the same accession waited before this
	// one. It is handed on and no part of the ID, like Priority.
	Turn int `json:"turn,omitempty"`
}

// Queue is a durable work queue with one sub-queue per stage. It is safe for concurrent use.
// A job is delivered at least once; whoever takes it must end the Delivery. A delivery that is
// neither ended nor kept alive within the queue's patience is delivered to somebody else.
type Queue interface {
	// Publish enqueues a job durably before it returns. A job whose ID was published lately is dropped, and so is one
	// that waits on its lane.
	Publish(ctx context.Context, job Job) error
	// Take waits for the next job of the stage: the most urgent first, then the oldest. A job whose
	// last delivery ended with the loss of its worker goes to the dead list instead.
	Take(ctx context.Context, stage Stage) (Delivery, error)
	// Finish marks one of total parts of a run as finished and reports whether all now are. Marking
	// a part twice is harmless. Exactly the calls at and after the completing one report true.
	Finish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) (bool, error)
	// Unfinish takes the mark of a part back, whose result is not there any more. If it had one, the slide's jobs of
	// the stages after tiling may be published once more. Marks of another total, which Finish refuses, are forgotten.
	Unfinish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) error
	// Dead lists the jobs that failed for good, oldest first.
	Dead(ctx context.Context) ([]Dead, error)
	// Bury puts a job on the dead list with its reason.
	Bury(ctx context.Context, dead Dead) error
	// Forget takes a death off the list, so that its job may be published again. A newer death of the job stays: it was
	// tried again meanwhile, in vain, and nobody else would tell.
	Forget(ctx context.Context, dead Dead) error
}

// Delivery is one job in hand. Exactly one of Ack, Nak and Term ends it.
type Delivery interface {
	Job() Job
	// Attempt counts deliveries of this job from 1; Last reports whether there will be no other.
	Attempt() int
	Last() bool
	// Alive tells the queue that the job is still being worked on.
	Alive(ctx context.Context) error
	Ack(ctx context.Context) error
	// Nak gives the job back, to be delivered again after the delay.
	Nak(ctx context.Context, delay time.Duration) error
	// Term ends the job for good without success. The caller buries it first.
	Term(ctx context.Context, reason string) error
}

// Dead is a job that failed for good.
type Dead struct {
	Job    Job       `json:"job"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Event is news about a slide for people who watch. Events may be lost; the store is the truth.
type Event struct {
	Slide  pyramid.SlideID `json:"slide"`
	Run    pyramid.RunID   `json:"run,omitzero"`
	Stage  Stage           `json:"stage"`
	State  string          `json:"state"` // started, progress, done, failed
	Done   int64           `json:"done,omitempty"`
	Total  int64           `json:"total,omitempty"`
	Unit   string          `json:"unit,omitempty"` // tiles, regions
	Reason string          `json:"reason,omitempty"`
}

// Repeater is an optional ability of a Queue: Again lets a job be published once more although its ID was
// published lately, such as one whose result was lost after it was done.
type Repeater interface {
	Again(ctx context.Context, id string) error
}

// Patient is an optional ability of a Queue: Patience is how long a delivery lives without Alive. Call
// Alive at least three times as often.
type Patient interface {
	Patience() time.Duration
}

// Express is an optional ability of a Queue: TakeStat is Take for stat jobs alone, for workers that keep
// themselves free for them where others may be busy for minutes.
type Express interface {
	TakeStat(ctx context.Context, stage Stage) (Delivery, error)
}

// Depth is how much work waits for one stage at one priority.
type Depth struct {
	Stage    Stage
	Priority Priority
	Waiting  int64 // not delivered yet
	InHand   int64 // delivered, not ended
}

// Gauge is an optional ability of a Queue: Depths counts the work of every stage and priority, for
// people who watch.
type Gauge interface {
	Depths(ctx context.Context) ([]Depth, error)
}

// Canceller is an optional ability of a Queue: Cancel removes every waiting job of the slide, of all
// stages, and says how many. Deliveries in hand go on, but come back no more. All jobs of the slide,
// done or not, may then be published once more, so that it can be ordered again at once.
type Canceller interface {
	Cancel(ctx context.Context, slide pyramid.SlideID) (int64, error)
}

// Withdrawer is an optional ability of a Queue: Withdraw removes one waiting job, by its ID, from all lanes but those
// to keep, and says whether there was one. A delivery in hand goes on, but comes back no more. A job that is withdrawn
// from all lanes may be published once more. One that is to move is published on its new lane first (see Repeater),
// then withdrawn from the others: whatever ends the mover in between, it waits at least once.
type Withdrawer interface {
	Withdraw(ctx context.Context, id string, keep ...Lane) (bool, error)
}

// Errors that callers tell apart.
var (
	ErrInvalid = errors.New("invalid job")       // will never be accepted: don't retry
	ErrFull    = errors.New("the queue is full") // retry when work has been done
	ErrClosed  = errors.New("the queue is closed")
)

// Events is how news travels. It is safe for concurrent use.
type Events interface {
	Announce(ctx context.Context, e Event) error
	// Watch delivers events until ctx ends, then closes the channel. A slow reader loses the oldest.
	Watch(ctx context.Context) (<-chan Event, error)
}
