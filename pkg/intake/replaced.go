package intake

import (
	"context"
	"fmt"
	"slices"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Replace closes what came to nothing of a file in whose place another one lies, which was taken in: that one's line says
// how it stands, and nobody is to look after two. What is worked on, done or cancelled stays as it is; what other files
// hold, too, is theirs from now on. lay reports whether a path or address is where the file lay; it is asked where the
// name alone may be that of a file in another folder, and is nil where the caller knows.
func (r *Reception) Replace(ctx context.Context, id pyramid.SlideID, file string, lay func(source string) bool) error {
	l := r.Desk.Ledger()
	e, err := l.Entry(ctx, id)
	if err != nil {
		return unlessMissing(err)
	}
	end, err := l.End(ctx, id)
	if err != nil {
		return err
	}
	all, err := r.judge().Look(ctx, []Line{{e, end}})
	if err != nil || !all[0].Bad() {
		return err
	}
	if lay != nil {
		source, err := r.source(ctx, &e)
		if err != nil || !lay(source) {
			return err
		}
	}
	if held, changed := e.leave(file); held {
		if !changed {
			return nil
		}
		return l.record(ctx, e)
	}
	return r.close(ctx, e, &all[0])
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

// leave strikes a name out, and reports whether files of other names hold the slide, and whether the entry changed.
func (e *Entry) leave(file string) (held, changed bool) {
	file = kept(file)
	names := slices.DeleteFunc(append([]string{e.File}, e.Names...), func(name string) bool { return name == file })
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
