package viewer

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Feed keeps the latest news for browsers and programs that follow /api/v1/events. It is safe for
// concurrent use.
//
// # Memory
//
// It holds feedLength messages of at most maxNews bytes; a follower that falls behind them is told so
// and asks for the worklist anew, so no follower holds more than its place. Each is a connection and a goroutine,
// some 20 kB, and maxFollowers bounds them.
type Feed struct {
	mu        sync.Mutex
	epoch     int64 // tells ids of this process from those of an earlier one
	first     int64 // number of news[0]
	news      []message
	bell      chan struct{} // closed and replaced when there is news
	followers int
}

type message struct {
	slide pyramid.SlideID
	kind  string
	data  []byte
}

const (
	feedLength = 2048
	maxNews    = 8 << 10

	maxFollowers = 256 // a page that is open is one; a laboratory has some dozens
	comeAgain    = 30  // seconds that one too many is told to wait
)

// NewFeed makes an empty feed.
func NewFeed() *Feed {
	return &Feed{epoch: time.Now().UnixMilli(), bell: make(chan struct{})}
}

// Add tells all who follow. data is one line of JSON; longer news than maxNews is dropped.
func (f *Feed) Add(slide pyramid.SlideID, kind string, data []byte) {
	if len(data) > maxNews {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.news) == feedLength {
		f.news, f.first = append(f.news[:0:0], f.news[feedLength/4:]...), f.first+feedLength/4
	}
	f.news = append(f.news, message{slide, kind, data})
	close(f.bell)
	f.bell = make(chan struct{})
}

// since returns what came from number n on, the next number, whether something in between is lost, and
// what closes when there is more.
func (f *Feed) since(n int64) (news []message, next int64, lost bool, bell <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	end := f.first + int64(len(f.news))
	if n < f.first {
		n, lost = f.first, true
	}
	return f.news[min(n, end)-f.first:], end, lost, f.bell
}

// join lets one more follow, unless there are as many as may be.
func (f *Feed) join() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers == maxFollowers {
		return false
	}
	f.followers++
	return true
}

func (f *Feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followers--
}

func (f *Feed) end() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first + int64(len(f.news))
}

// place reads a Last-Event-ID. Without one a follower hears what comes from now on; with that of another
// process it has lost something.
func (f *Feed) place(id string) (n int64, lost bool) {
	epoch, number, ok := strings.Cut(id, "-")
	if !ok {
		return f.end(), id != ""
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || epoch != strconv.FormatInt(f.epoch, 10) || n >= f.end() {
		return f.end(), true
	}
	return n + 1, false
}

// keepAlive is how often a silent stream says that it is there.
const keepAlive = 15 * time.Second

// events is /api/v1/events: server-sent, of all slides or of ?slide=ID. After a gap the event "lost"
// says that the worklist is to be asked. One follower too many is told when to come again.
func (v *viewer) events(w http.ResponseWriter, r *http.Request) {
	var only pyramid.SlideID
	if text := r.URL.Query().Get("slide"); text != "" {
		id, err := pyramid.ParseSlideID(text)
		if err != nil {
			v.fail(w, r, badRequest{err})
			return
		}
		only = id
	}
	h := w.Header()
	if !v.Feed.join() {
		h.Set("Retry-After", strconv.Itoa(comeAgain))
		http.Error(w, fmt.Sprintf("%d follow the events already: close a page, or come again", maxFollowers), http.StatusServiceUnavailable)
		return
	}
	defer v.Feed.leave()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	s := &stream{w: w, control: http.NewResponseController(w)}
	next, lost := v.Feed.place(r.Header.Get("Last-Event-ID"))
	s.write(": slidemill, research use only\n\n")
	for s.err == nil {
		at := next
		news, end, gap, bell := v.Feed.since(at)
		if lost || gap {
			s.write("event: lost\ndata: {}\n\n")
			lost = false
		}
		at = end - int64(len(news))
		for i, m := range news {
			if only == (pyramid.SlideID{}) || m.slide == only {
				s.write(fmt.Sprintf("id: %d-%d\nevent: %s\ndata: %s\n\n", v.Feed.epoch, at+int64(i), m.kind, m.data))
			}
		}
		next = end
		s.flush()
		timer := time.NewTimer(keepAlive)
		select {
		case <-bell:
		case <-timer.C:
			s.write(": still here\n\n")
		case <-r.Context().Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// stream writes to a follower, who must take each piece in time.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *stream) write(text string) {
	if s.err == nil {
		_ = s.control.SetWriteDeadline(time.Now().Add(writeTime)) // a test's recorder has none
		_, s.err = s.w.Write([]byte(text))
	}
}

func (s *stream) flush() {
	if s.err == nil {
		s.err = s.control.Flush()
	}
}
