package slide

import (
	"container/list"
	"errors"
	"fmt"
	"os"
	"sync"
)

// maxHandles bounds how many files of one slide are open at once. A process may often have 1024, and a DICOM
// series has one to a few hundred; a level that is being read is one or a few of them.
const maxHandles = 64

// handles keeps the files of a slide that were read last open, and opens the others again when they are
// read. It is safe for concurrent use.
//
// # Memory
//
// At most limit open files, whatever the number of handles.
type handles struct {
	limit  int
	open   func(path string) (*os.File, error)
	mu     sync.Mutex
	free   sync.Cond  // a handle became idle or closed
	live   int        // files that are open or being opened
	idle   *list.List // of *handle, open and not being read, the one read last in front
	closed bool
}

func newHandles(limit int) *handles {
	h := &handles{limit: limit, open: openRegular, idle: list.New()}
	h.free.L = &h.mu
	return h
}

// handle is one file of the set.
type handle struct {
	set     *handles
	path    string
	was     os.FileInfo // when it was first seen
	f       *os.File    // nil while it is not open
	opening bool        // by somebody, who tells the others
	users   int
	waiting *list.Element // in idle
}

// file gives a regular file's handle, which is not opened before it is read.
func (s *handles) file(path string, was os.FileInfo) *handle {
	return &handle{set: s, path: path, was: was}
}

// ReadAt reads from the file as io.ReaderAt says.
func (h *handle) ReadAt(p []byte, at int64) (int, error) {
	f, err := h.take()
	if err != nil {
		return 0, err
	}
	defer h.leave()
	return f.ReadAt(p, at)
}

// take opens the file if need be. Whoever has a file takes no other one, so waiting for a free one ends.
func (h *handle) take() (*os.File, error) {
	s := h.set
	s.mu.Lock()
	defer s.mu.Unlock()
	for h.f == nil && !s.closed && (h.opening || s.live >= s.limit && s.idle.Len() == 0) {
		s.free.Wait()
	}
	if s.closed {
		return nil, os.ErrClosed
	}
	if h.f == nil {
		if err := h.reopen(); err != nil {
			return nil, err
		}
	}
	if h.waiting != nil {
		s.idle.Remove(h.waiting)
		h.waiting = nil
	}
	h.users++
	return h.f, nil
}

// reopen opens the file in the place of the one that nobody has read for the longest time. The set is locked, but
// not while the storage is asked: where it does not answer, the set can still be ended.
func (h *handle) reopen() error {
	s := h.set
	if s.live >= s.limit {
		if err := s.idle.Back().Value.(*handle).close(); err != nil {
			return err
		}
	}
	s.live++
	h.opening = true
	s.mu.Unlock()
	f, err := h.openSame()
	s.mu.Lock()
	h.opening = false
	if err == nil && s.closed {
		err = errors.Join(os.ErrClosed, f.Close())
	}
	if err != nil {
		s.live--
	} else {
		h.f = f
	}
	s.free.Broadcast()
	return err
}

// openSame opens the file and refuses another one in its place: its header was read before, and what is read now
// would belong to nothing. Size and time tell; the inode does not on network file systems that number as they go.
func (h *handle) openSame() (*os.File, error) {
	f, err := h.set.open(h.path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && (st.Size() != h.was.Size() || !st.ModTime().Equal(h.was.ModTime())) {
		err = errors.New("a file of the slide was changed while the slide was read: copy it again and start again")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (h *handle) leave() {
	s := h.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.users--; h.users == 0 && h.f != nil {
		h.waiting = s.idle.PushFront(h)
		s.free.Broadcast()
	}
}

// close closes the file; the handle opens it again. The set is locked.
func (h *handle) close() error {
	if h.f == nil {
		return nil
	}
	if h.waiting != nil {
		h.set.idle.Remove(h.waiting)
		h.waiting = nil
	}
	f := h.f
	h.f = nil
	h.set.live--
	h.set.free.Broadcast()
	if err := f.Close(); err != nil {
		return fmt.Errorf("close a file of the slide: %w", err)
	}
	return nil
}

// drop closes a file that is of no further use.
func (h *handle) drop() error {
	h.set.mu.Lock()
	defer h.set.mu.Unlock()
	return h.close()
}

// finish ends all reading.
func (s *handles) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.free.Broadcast()
}
