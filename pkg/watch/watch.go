// Package watch takes slides from a scanner's folder: it polls, so that it works on network shares,
// waits until a file is whole, hands it to intake once, and sees that each one ends with a result or a
// reason. It analyses nothing itself and changes nothing in the folder unless a quarantine is named.
package watch

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
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
	Caution   string // why the result of one that is done is no statement on it
	Before    bool   // it had ended before this watcher began, which is no news
	Again     string // that the file came to nothing before, byte for byte, and what to do, where that is news

	row       Row  // what the worklist said when it was heeded last
	disputed  bool // by rows of files that hold the same slide
	recalled  bool // from the ledger, and nobody has asked yet how it stands
	foreign   bool // its record is that of another folder's file, or of another one with these bytes: no row here counts for it
	postponed bool // it was not read in its time, and is tried again
}

func (s *Slide) ended() bool { return intake.Ended(s.State) }

// cameToNothing reports a slide that a person has to look after.
func (s *Slide) cameToNothing() bool { return s.State == intake.Failed || s.State == intake.Refused }

// done reports whether the slide has its result.
func (s *Slide) done() bool {
	return s.ended() && !s.cameToNothing() && !letGo(s.State)
}

// Watcher watches one folder. It is for one goroutine.
//
// # Memory
//
// It holds one seen and one Slide per file in the folder, below a kilobyte each; maxFiles bounds them.
type Watcher struct {
	Config
	files   map[string]*seen
	slides  map[string]*Slide            // by file
	first   map[pyramid.SlideID]string   // which file a slide was taken from
	copies  map[pyramid.SlideID][]string // further files of ordered slides
	entries map[string]intake.Line       // what the ledger knew at the start, by file, the latest
	earlier map[string][]intake.Line     // and those before
	called  map[string][]pyramid.SlideID // what it knew then by a file's name, that of a copy, too
	folder  string                       // what the ledger knows this folder by
	lists   worklists
	series  *seriesBook
	stale   bool // a worklist may say something else than the orders
	other   int  // files that are no slides by their names
	masks   int  // of these, masks beside their slides

	contradictions int                // of worklists, at the last look
	looks          int                // that the folder answered
	anew           int                // files that the last look left to be taken once more
	absent         map[string]float64 // corrected scales of slides whose files are away, by file, as they were told
	heard          map[string]Row     // what the worklists said of files that are away when they were heeded last, by file

	surveying *errand[*survey] // at work
	silent    time.Time        // since when the folder does not answer
	moving    *errand[move]    // to quarantine
	clearing  *errand[error]   // of reason files there
	cleared   int              // how many slides were done when they were looked at last
	silence   time.Duration    // how long an errand may get no answer
	most      int              // files that are listed; 0 means maxFiles

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
	mark, err := folderMark(c.Dir)
	if err != nil {
		return nil, err
	}
	lines, err := c.Judge.Lines(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		Config: c, files: map[string]*seen{}, slides: map[string]*Slide{},
		first: map[pyramid.SlideID]string{}, copies: map[pyramid.SlideID][]string{}, entries: map[string]intake.Line{}, earlier: map[string][]intake.Line{},
		called: map[string][]pyramid.SlideID{}, folder: mark,
		series: &seriesBook{}, silence: folderSilence, take: c.Reception.Take,
	}
	slices.SortStableFunc(lines, func(a, b intake.Line) int { return a.At.Compare(b.At) })
	for _, l := range lines {
		if before, ok := w.entries[l.File]; ok {
			w.earlier[l.File] = append(w.earlier[l.File], before)
		}
		w.entries[l.File] = l
		for _, name := range append([]string{l.File}, l.Names...) {
			w.called[name] = append(w.called[name], l.Slide)
		}
	}
	return w, nil
}

// folderMark is what the ledger knows a watched folder by, wherever it is named from.
func folderMark(dir string) (string, error) {
	at, err := filepath.Abs(dir)
	return intake.FolderMark(at), err
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
// that is silent counts as one. One file that is not read in its time ends the taking: those behind it wait for the next
// look, so that the ends of the others are not kept from whoever waits for them for as long as each of them hangs.
func (w *Watcher) Look(ctx context.Context) (open int, err error) {
	w.collect(ctx)
	w.anew = 0
	s, err := w.survey(ctx)
	if s == nil {
		return 1, errors.Join(err, w.follow(ctx))
	}
	err = s.err
	late := false
	w.found(s.found)
	for _, f := range w.inTurn(s.found) {
		if ctx.Err() != nil {
			return open, ctx.Err()
		}
		if late && !w.doneWith(f, w.remembered(f)) {
			open++
			continue
		}
		became, takeErr := w.consider(ctx, f)
		switch became {
		case unsettled:
			open++
		case overdue:
			late = true
		}
		err = errors.Join(err, takeErr)
	}
	err = errors.Join(err, w.correct(ctx), w.follow(ctx))
	w.clear(ctx)
	return open + w.anew, err
}

// found notes which files lie in the folder now.
func (w *Watcher) found(files []candidate) {
	w.looks++
	for _, f := range files {
		w.remembered(f).look = w.looks
	}
}

// lies reports whether the last look found a file.
func (w *Watcher) lies(file string) bool {
	seen := w.files[file]
	return seen != nil && seen.look == w.looks
}
