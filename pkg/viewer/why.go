package viewer

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Question asks what drove the score of a place: level-0 pixels of a slide, under one of its runs.
type Question struct {
	Slide pyramid.SlideID
	Run   pyramid.RunID
	X, Y  int
}

// Answer is a picture, what it shows in a few sentences, and of which window: level-0 pixels x0, y0, x1, y1.
type Answer struct {
	PNG    []byte
	Said   string
	Window [4]float64
}

// Explain answers questions. ErrCannotExplain says that there is no answer to this one.
type Explain func(ctx context.Context, q Question) (Answer, error)

// ErrCannotExplain is a question without an answer: the run is of another model, the place is not on the
// slide.
var ErrCannotExplain = errors.New("cannot explain")

// reasons answers questions one at a time and keeps the last answers.
//
// # Memory
//
// At most keptReasons pictures, below a megabyte each, and what one explanation takes.
type reasons struct {
	explain Explain
	turn    chan struct{} // holds one token while an explanation is made

	mu    sync.Mutex
	kept  map[Question]*list.Element
	order *list.List // of kept, the most recent first
}

type kept struct {
	Answer
	question Question
}

const keptReasons = 64

// grain is how coarse places are taken, level-0 pixels: clicks beside each other share an answer.
const grain = 32

func newReasons(explain Explain) *reasons {
	return &reasons{explain: explain, turn: make(chan struct{}, 1), kept: map[Question]*list.Element{}, order: list.New()}
}

// errBusy is told while another question is being answered.
var errBusy = errors.New("another place is being explained; ask again in some seconds")

func (r *reasons) answer(ctx context.Context, q Question) (Answer, error) {
	q.X, q.Y = q.X/grain*grain+grain/2, q.Y/grain*grain+grain/2
	if a, ok := r.find(q); ok {
		return a, nil
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	default:
		return Answer{}, errBusy
	}
	a, err := r.explain(ctx, q)
	if err == nil {
		r.keep(kept{a, q})
	}
	return a, err
}

func (r *reasons) find(q Question) (a Answer, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.kept[q]
	if !ok {
		return a, false
	}
	r.order.MoveToFront(e)
	return e.Value.(kept).Answer, true
}

func (r *reasons) keep(a kept) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept[a.question] = r.order.PushFront(a)
	for r.order.Len() > keptReasons {
		delete(r.kept, r.order.Remove(r.order.Back()).(kept).question)
	}
}

// saidHeader has what the picture shows, escaped as in a path; windowHeader of which window, four numbers.
const (
	saidHeader   = "Slidemill-Said"
	windowHeader = "Slidemill-Window"
)

// why answers GET /slides/<id>/runs/<run>/explain?x=&y= with a picture.
func (v *viewer) why(r *reasons) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		q, err := parseQuestion(req)
		if err != nil {
			v.fail(w, req, badRequest{err})
			return
		}
		a, err := r.answer(req.Context(), q)
		switch {
		case errors.Is(err, errBusy):
			w.Header().Set("Retry-After", "10")
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case errors.Is(err, ErrCannotExplain):
			v.fail(w, req, badRequest{err})
		case err != nil:
			v.fail(w, req, err)
		default:
			h := w.Header()
			h.Set("Content-Type", "image/png")
			h.Set("Content-Length", strconv.Itoa(len(a.PNG)))
			h.Set(saidHeader, url.PathEscape(a.Said)) // a header is ASCII
			h.Set(windowHeader, strings.Trim(fmt.Sprint(a.Window), "[]"))
			h.Set("Cache-Control", "private, max-age=3600")
			if _, err := w.Write(a.PNG); err != nil {
				v.Log.Debug("explanation was not taken", "path", req.URL.Path, "error", err)
			}
		}
	}
}

func parseQuestion(r *http.Request) (q Question, err error) {
	if q.Slide, err = pyramid.ParseSlideID(r.PathValue("slide")); err != nil {
		return q, err
	}
	if q.Run, err = pyramid.ParseRunID(r.PathValue("run")); err != nil {
		return q, err
	}
	for name, into := range map[string]*int{"x": &q.X, "y": &q.Y} {
		n, err := strconv.ParseUint(r.URL.Query().Get(name), 10, 31)
		if err != nil {
			return q, fmt.Errorf("%s: want a level-0 pixel, a whole number", name)
		}
		*into = int(n)
	}
	return q, nil
}
