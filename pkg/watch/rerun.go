package watch

import (
	"context"
	"fmt"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// rerun takes a slide once more that was ordered with another scale than the worklist gives now: what is measured at a wrong
// scale is wrong. It is one more run, and no other once the record has the new scale. It needs the file; where that is
// away it is taken when it comes back, and whoever amends the order says what else there is to do.
func (w *Watcher) rerun(ctx context.Context, s *Slide, row Row) (bool, error) {
	now, err := w.Judge.LookAt(ctx, []pyramid.SlideID{s.Slide})
	if err != nil {
		return false, err
	}
	e := &now[0].Entry
	if now[0].GivenUp || letGo(now[0].State) || !w.Reception.Corrects(e, row.MPP) {
		return false, nil
	}
	w.takeAnew(s)
	if !w.lies(s.File) {
		return false, nil
	}
	if !s.ended() { // it takes its turn anew
		w.Reception.Turns.Left(s.Accession)
	}
	s.row = row
	w.announce(ctx, *s, []string{fmt.Sprintf("the worklist gives a scale of %g µm now, and it was ordered with %g: it is ordered anew", row.MPP, e.ListedMPP)})
	return true, nil
}

// letGo reports a state that somebody put a slide into: nobody wants it analysed, at whatever scale.
func letGo(state string) bool { return state == intake.Cancelled || state == intake.Replaced }

// wrong reports that the scale of a slide that was ordered earlier was corrected since then.
func (w *Watcher) wrong(l *intake.Line, row Row) bool {
	if l.End != nil && (l.End.GivenUp || letGo(l.End.State)) {
		return false
	}
	return w.Reception.Corrects(&l.Entry, row.MPP)
}

// sayAbsent says, once for each scale, that the result of a slide whose file is away was made with a scale that was
// corrected since then. While it lies in the folder it is taken.
func (w *Watcher) sayAbsent(ctx context.Context, file string) {
	l := w.entries[file]
	row, listed := w.lists.find(file)
	if !listed || w.files[file] != nil || w.absent[file] == row.MPP || !w.wrong(&l, row) {
		return
	}
	if w.absent == nil {
		w.absent = map[string]float64{}
	}
	w.absent[file] = row.MPP
	w.announce(ctx, Slide{File: file, Slide: l.Slide, Accession: l.Accession, Priority: l.Priority}, []string{fmt.Sprintf(
		"the worklist gives a scale of %g µm now, and it was ordered with %g: put its file back into the folder, and it is ordered anew, or order it with `slidemill submit --mpp %g`",
		row.MPP, l.ListedMPP, row.MPP)})
}

// saySame says that an order stands though it was made with another scale: the slide cannot be analysed at the new one.
func (w *Watcher) saySame(ctx context.Context, s *Slide, t intake.Taken) {
	if !t.Known || s.row.MPP == 0 {
		return
	}
	e, err := w.Judge.Entry(ctx, t.Slide)
	if err != nil {
		w.Log.WarnContext(ctx, "it is not known with which scale a slide was ordered", "slide", t.Slide, "error", nameless(err))
		return
	}
	if w.Reception.Corrects(&e, s.row.MPP) {
		w.announce(ctx, *s, []string{fmt.Sprintf("it cannot be analysed at the %g µm that the worklist gives now, and what was ordered with %g stands: see which is right, and correct the line", s.row.MPP, e.ListedMPP)})
	}
}
