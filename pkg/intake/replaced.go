package intake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Replacement is a file in whose place another one lies, which was taken in.
type Replacement struct {
	Old, New pyramid.SlideID
	// Named reports whether a name of the old slide is that of the file.
	Named func(name string) bool
	// Lay reports whether a path or address is where the file lay; it is asked where the name alone may be that of a file in
	// another folder, and is nil where the caller knows.
	Lay func(source string) bool
}

// CalledAs tells of a name in a record whether it is that of a file.
func CalledAs(file string) func(name string) bool {
	file = kept(file)
	return func(name string) bool { return name == file }
}

// Replace closes what came to nothing of a file in whose place another one lies: that one's line says how it stands, and
// nobody is to look after two. What is worked on, done or cancelled stays as it is; what other files hold, too, is theirs
// from now on. The case goes on with the new file, unless that belongs to one already.
func (r *Reception) Replace(ctx context.Context, p Replacement) error {
	l := r.Desk.Ledger()
	e, err := l.Entry(ctx, p.Old)
	if err != nil {
		return unlessMissing(err)
	}
	end, err := l.End(ctx, p.Old)
	if err != nil {
		return err
	}
	all, err := r.judge().Look(ctx, []Line{{e, end}})
	if err != nil || !all[0].Bad() {
		return err
	}
	if p.Lay != nil {
		source, err := r.source(ctx, &e)
		if err != nil || !p.Lay(source) {
			return err
		}
	}
	if p.Named(e.File) { // first: cut short behind it, the old one stands as failed still, and this is done again
		if err := r.handOver(ctx, e.Accession, p.New); err != nil {
			return err
		}
	}
	if held, changed := e.leave(p.Named); held {
		if !changed {
			return nil
		}
		return l.record(ctx, e)
	}
	return r.close(ctx, e, &all[0])
}

// ReplaceAt is Replace for who takes in a file by its path and knows nothing of what lay there before.
func (r *Reception) ReplaceAt(ctx context.Context, now pyramid.SlideID, path string) error {
	if now == (pyramid.SlideID{}) { // it could not be read, and is no better than what failed
		return nil
	}
	if r.fallen == nil {
		if err := r.findFallen(ctx); err != nil {
			return err
		}
	}
	for _, old := range r.fallen[path] {
		if old == now {
			continue
		}
		named := func(name string) bool { return sameFile(name, path) }
		if err := r.Replace(ctx, Replacement{Old: old, New: now, Named: named, Lay: func(source string) bool { return source == path }}); err != nil {
			return err
		}
	}
	return nil
}

// findFallen finds out once where the files lay of all that is on the dead list.
func (r *Reception) findFallen(ctx context.Context) error {
	lines, err := r.Desk.Ledger().Refusals(ctx, time.Time{})
	if err != nil {
		return err
	}
	dead, err := r.Desk.Queue.Dead(ctx)
	if err != nil {
		return err
	}
	r.fallen = map[string][]pyramid.SlideID{}
	for _, line := range lines {
		if line.Again != nil {
			r.fallen[line.Again.Source] = append(r.fallen[line.Again.Source], line.Slide)
		}
	}
	for _, d := range dead {
		r.fallen[d.Job.Source] = append(r.fallen[d.Job.Source], d.Job.Slide)
	}
	return nil
}

// handOver gives a slide the case of the one whose place it took, where it belongs to none: whoever waits for that case
// waits for what is on the glass, whatever the bytes were the first time.
func (r *Reception) handOver(ctx context.Context, accession string, to pyramid.SlideID) error {
	l := r.Desk.Ledger()
	e, err := l.Entry(ctx, to)
	if err != nil || accession == "" || e.Accession != "" {
		return unlessMissing(err)
	}
	e.Accession = accession
	return l.record(ctx, e)
}

// close writes the end down before it takes the dead jobs away: cut short in between, it stands as failed still.
func (r *Reception) close(ctx context.Context, e Entry, was *Standing) error {
	end := End{State: Replaced, Reason: replacedReason(was), At: was.Ended} // nobody waited for it since then
	if err := r.Desk.Ledger().Dismiss(ctx, e.Slide, end); err != nil {
		return err
	}
	return r.Desk.forget(ctx, &Order{Slide: e.Slide, Run: e.Run}, &end)
}

func replacedReason(was *Standing) string {
	word := "it had failed"
	if was.State == Refused {
		word = "it was refused"
	}
	return fmt.Sprintf("Another file of this name took its place. Before, %s: %s", word, was.Reason)
}

// source is where the file of what came to nothing lay, empty if nobody knows.
func (r *Reception) source(ctx context.Context, e *Entry) (string, error) {
	if e.Again != nil {
		return e.Again.Source, nil
	}
	dead, err := r.Desk.Queue.Dead(ctx)
	i := slices.IndexFunc(dead, func(d jobs.Dead) bool { return d.Job.Slide == e.Slide && d.Job.Source != "" })
	if err != nil || i < 0 {
		return "", err
	}
	return dead[i].Job.Source, nil
}

// leave strikes the names of a file out, and reports whether files of other names hold the slide, and whether the entry
// changed.
func (e *Entry) leave(named func(name string) bool) (held, changed bool) {
	names := slices.DeleteFunc(append([]string{e.File}, e.Names...), named)
	if len(names) == 0 {
		return e.MoreNames, false
	}
	changed = len(names) != 1+len(e.Names)
	if names[0] != e.File { // what the record says of that one is not true of the others
		e.Again = nil
		if e.Run == (pyramid.RunID{}) {
			e.Accession = ""
		}
	}
	e.File, e.Names = names[0], names[1:]
	return true, changed
}
