// Package watch takes slides from a scanner's folder: it polls, so that it works on network shares,
// waits until a file is whole, hands it to intake once, and sees that each one ends with a result or a
// reason. It analyses nothing itself and changes nothing in the folder unless a quarantine is named.
package watch

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Config says what to watch.
type Config struct {
	Dir       string
	Reception *intake.Reception
	Judge     *intake.Judge
	// Settle is how long size and time of a file must stay the same before it counts as whole; 0 means
	// DefaultSettle. Scanners write for minutes, but rarely pause for longer.
	Settle time.Duration
	Every  time.Duration // between two looks at the folder; 0 means a third of Settle
	// Quarantine is where files that failed are moved, with the reason beside them. Empty leaves them.
	Quarantine string
	Skip       []string // folders not to look into, such as the data folder
	Log        *slog.Logger
	// Told, if not nil, hears of each file that was taken and of each that ended; else the log does.
	Told func(Slide)
	// Looked, if not nil, is called after each look at the folder.
	Looked func(ctx context.Context)
}

// DefaultSettle outlives the pauses of the scanners that we know of.
const DefaultSettle = 30 * time.Second

// Slide is one slide of the folder: its file and what became of it.
type Slide struct {
	File      string // below the folder, with forward slashes
	Accession string
	Priority  jobs.Priority
	Slide     pyramid.SlideID
	State     string // of intake.Standing, or intake.Missing
	Reason    string
	Doubled   string // the file that holds the same slide, and was first
	Note      string // what a corrected worklist changed, while that is told
	Before    bool   // it had ended before this watcher began, which is no news

	row       Row  // what the worklist said when it was heeded last
	recalled  bool // from the ledger, and nobody has asked yet how it stands
	postponed bool // it was not read in its time, and is tried again
}

func (s *Slide) ended() bool { return intake.Ended(s.State) }

// Watcher watches one folder. It is for one goroutine.
//
// # Memory
//
// It holds one seen and one Slide per file in the folder, below a kilobyte each; maxFiles bounds them.
type Watcher struct {
	Config
	files   map[string]*seen
	slides  map[string]*Slide          // by file
	first   map[pyramid.SlideID]string // which file a slide was taken from
	entries map[string]intake.Entry    // what the ledger knew at the start, by file
	lists   worklists
	stale   bool // a worklist may say something else than the orders
	other   int  // files that are no slides by their names
	masks   int  // of these, masks beside their slides

	surveying *errand[*survey] // at work
	silent    time.Time        // since when the folder does not answer
	moving    *errand[move]    // to quarantine
	silence   time.Duration    // how long an errand may get no answer

	take  func(context.Context, intake.Request) (intake.Taken, error) // Reception's
	walk  func(root string, visit fs.WalkDirFunc) error               // nil: filepath.WalkDir
	alive func()                                                      // hears of each file that a scan finds; may be nil
}

// maxFiles bounds a folder; whoever has more keeps a case per folder.
const maxFiles = 500_000

// New reads what the ledger knows already. The folder must be there.
func New(ctx context.Context, c Config) (*Watcher, error) {
	if err := isFolder(ctx, c.Dir); err != nil {
		return nil, err
	}
	if c.Settle == 0 {
		c.Settle = DefaultSettle
	}
	if c.Every == 0 {
		c.Every = max(c.Settle/3, 50*time.Millisecond)
	}
	lines, err := c.Judge.Lines(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		Config: c, files: map[string]*seen{}, slides: map[string]*Slide{},
		first: map[pyramid.SlideID]string{}, entries: map[string]intake.Entry{},
		silence: folderSilence, take: c.Reception.Take,
	}
	for _, l := range lines {
		w.entries[l.File] = l.Entry
	}
	return w, nil
}

// Run watches until ctx ends, or with once until each slide that lies in the folder has ended.
func (w *Watcher) Run(ctx context.Context, once bool) error {
	for {
		unsettled, err := w.Look(ctx)
		if err != nil && ctx.Err() == nil {
			w.Log.Warn("the folder was not looked at whole; it will be again", "error", nameless(err))
		}
		if w.Looked != nil {
			w.Looked(ctx)
		}
		open := w.Open()
		if ctx.Err() != nil || once && err == nil && unsettled == 0 && open == 0 {
			return ctx.Err()
		}
		if !pause(ctx, w.Every) {
			return ctx.Err()
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Look takes what is new and whole, and sees what has ended. It returns how many files are not whole yet; a folder
// that is silent counts as one.
func (w *Watcher) Look(ctx context.Context) (unsettled int, err error) {
	s, err := w.survey(ctx)
	if s == nil {
		return 1, errors.Join(err, w.follow(ctx))
	}
	err = s.err
	for _, f := range w.untriedFirst(s.found) {
		if ctx.Err() != nil {
			return unsettled, ctx.Err()
		}
		whole, takeErr := w.consider(ctx, f)
		if !whole {
			unsettled++
		}
		err = errors.Join(err, takeErr)
	}
	return unsettled, errors.Join(err, w.correct(ctx), w.follow(ctx))
}

// consider takes a file that is whole, once.
func (w *Watcher) consider(ctx context.Context, f candidate) (whole bool, err error) {
	s := w.files[f.file]
	if s == nil {
		s = new(seen)
		w.files[f.file] = s
	}
	if s.taken && !w.replaced(f, s) && !s.isDue(time.Now()) {
		return true, nil
	}
	if !s.settled(f, time.Now(), w.Settle) {
		return false, nil
	}
	if w.recall(f) {
		s.taken = true
		return true, nil
	}
	t, err := w.take(ctx, w.request(f, s))
	if err != nil {
		return false, err
	}
	if t.Overdue {
		w.postpone(ctx, f, s, t)
		return true, nil
	}
	s.taken, s.overdue, s.again = false, 0, time.Time{}
	if !s.doubted && t.State != intake.Waiting && !t.Known && t.Slide == (pyramid.SlideID{}) {
		s.doubted, s.since = true, time.Now() // it may be half a file that nobody writes to just now
		return false, nil
	}
	s.taken = true
	w.note(ctx, f, t)
	return true, nil
}

// replaced reports that a file without a result was changed, as the reasons ask people to: it is a new one.
func (w *Watcher) replaced(f candidate, s *seen) bool {
	known := w.slides[f.file]
	if known == nil || known.State != intake.Failed && known.State != intake.Refused || s.size == f.size && s.changed.Equal(f.changed) {
		return false
	}
	s.taken = false
	return true
}

func (w *Watcher) request(f candidate, s *seen) intake.Request {
	q := intake.Request{Path: f.path, File: f.file, Doubtful: !s.doubted, Priority: jobs.Routine, Bytes: f.size, Changed: f.changed}
	if row, ok := w.lists.find(f.file); ok {
		q.Accession, q.Priority, q.MPP = row.Accession, row.Priority.Known(), row.MPP
	}
	return q
}

// recall finds a file in the ledger by name, size and time.
func (w *Watcher) recall(f candidate) bool {
	e, ok := w.entries[f.file]
	if !ok || e.Bytes != f.size || !e.Changed.Equal(f.changed) {
		return false
	}
	s := &Slide{File: f.file, Accession: e.Accession, Priority: e.Priority, Slide: e.Slide, recalled: true}
	if row, ok := w.lists.find(f.file); ok && row.changed.After(e.At) {
		w.stale = true // it was corrected while nobody watched
	} else {
		s.row = row
	}
	w.slides[f.file], w.first[e.Slide] = s, f.file
	return true
}

func (w *Watcher) note(ctx context.Context, f candidate, t intake.Taken) {
	s := &Slide{File: f.file, Slide: t.Slide, State: t.State, Reason: t.Reason, Priority: jobs.Routine, postponed: t.Overdue}
	if row, ok := w.lists.find(f.file); ok {
		s.Accession, s.Priority, s.row = row.Accession, row.Priority.Known(), row
	}
	if t.Warning != "" {
		w.Log.Warn("scale", "slide", t.Slide, "warning", t.Warning)
	}
	named := t.Slide != pyramid.SlideID{}
	if first, ok := w.first[t.Slide]; ok && named && first != f.file {
		s.Doubled = first
	} else if named {
		w.first[t.Slide] = f.file
	}
	w.slides[f.file] = s
	w.tell(ctx, s)
}

// tell says what became of a slide, and moves its file away if it failed and that is wished.
func (w *Watcher) tell(ctx context.Context, s *Slide) {
	level := slog.LevelInfo
	if s.State == intake.Failed || s.State == intake.Refused {
		level = slog.LevelError
		if err := w.putAway(ctx, s); err != nil {
			w.Log.Warn("not moved to quarantine", "slide", s.Slide, "error", nameless(err))
		}
	}
	if w.Told != nil {
		w.Told(*s)
		return
	}
	w.Log.Log(ctx, level, "slide "+s.State, "slide", s.Slide, "reason", s.Reason)
}

// nameless is what went wrong without the names of files, which may be a patient's and stay out of logs.
func nameless(err error) string { return hide(err, err.Error()) }

// hide takes the names that an error and those in it hold out of a text.
func hide(err error, text string) string {
	switch e := err.(type) {
	case *fs.PathError:
		text = strings.ReplaceAll(text, e.Path, "a file")
	case *os.LinkError:
		text = strings.NewReplacer(e.Old, "a file", e.New, "its place").Replace(text)
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			text = hide(inner, text)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			text = hide(inner, text)
		}
	}
	return text
}

// follow asks how the open slides stand.
func (w *Watcher) follow(ctx context.Context) error {
	var ids []pyramid.SlideID
	var open []*Slide
	for _, s := range w.slides {
		if !s.ended() {
			ids, open = append(ids, s.Slide), append(open, s)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	standings, err := w.Judge.LookAt(ctx, ids)
	if err != nil {
		return err
	}
	for i, s := range open {
		s.State, s.Reason = standings[i].State, standings[i].Reason
		s.Before, s.recalled = s.recalled && s.ended(), false
		if s.ended() {
			w.Reception.Turns.Left(s.Accession)
			w.tell(ctx, s)
		}
	}
	return nil
}

// Open is how many slides have not ended.
func (w *Watcher) Open() (n int) {
	for _, s := range w.slides {
		if !s.ended() {
			n++
		}
	}
	return n
}

// Slides lists the folder's slides, by file.
func (w *Watcher) Slides() []Slide {
	list := make([]Slide, 0, len(w.slides))
	for _, s := range w.slides {
		list = append(list, *s)
	}
	sortSlides(list)
	return list
}

// Ignored is how many files were no slides by their names.
func (w *Watcher) Ignored() int { return w.other }

// SheetProblems are the lines of the worklists that made no sense.
func (w *Watcher) SheetProblems() []string { return w.lists.problems() }

// Missing are the slides that the worklists name and that have not come, by file.
func (w *Watcher) Missing() []Slide { return w.lists.missing() }

// Listed is how many files the worklists name.
func (w *Watcher) Listed() int { return w.lists.named() }
