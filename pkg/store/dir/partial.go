package dir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// partialFolder holds files that are being written. It lies below the root so that a rename
	// stays within one file system, and aside so that leftovers are found without walking the tree.
	partialFolder = ".partial"
	// abandoned is the age at which a leftover surely has no writer: processes share the folder, so
	// a younger one may be somebody's work.
	abandoned = 24 * time.Hour
)

// partials makes files with names that no other process makes.
type partials struct {
	folder string
	nonce  string
	count  *atomic.Uint64
	naming *sync.Mutex // held while a name is made: threads that do so in one folder at once spin in the kernel
}

func newPartials(root string) partials {
	return partials{filepath.Join(root, partialFolder), rand.Text(), new(atomic.Uint64), new(sync.Mutex)}
}

// create opens a new file, making the folder if need be.
func (p partials) create() (*os.File, error) {
	name := filepath.Join(p.folder, fmt.Sprintf("%s-%d", p.nonce, p.count.Add(1)))
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	p.naming.Lock()
	defer p.naming.Unlock()
	f, err := os.OpenFile(name, flags, FileMode)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(p.folder, FolderMode); err != nil {
		return nil, err
	}
	return os.OpenFile(name, flags, FileMode)
}

// sweep removes what killed processes left behind. It is a courtesy: its errors don't matter.
func (p partials) sweep() {
	entries, _ := os.ReadDir(p.folder)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > abandoned {
			os.Remove(filepath.Join(p.folder, e.Name()))
		}
	}
}

// buffers lends copy buffers.
type buffers struct{ pool sync.Pool }

const bufferSize = 128 << 10 // most tiles fit in one write

func (b *buffers) copy(w io.Writer, r io.Reader) (int64, error) {
	buf, ok := b.pool.Get().(*[bufferSize]byte)
	if !ok {
		buf = new([bufferSize]byte)
	}
	defer b.pool.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, r, buf[:])
}

// folders remembers which folders exist: a pyramid puts thousands of tiles into one.
type folders struct {
	mu    sync.Mutex
	known map[string]struct{}
}

// maxKnown bounds the memory of folders; a slide has a few dozen.
const maxKnown = 4096

// ensure makes the folder unless it is known to exist. fs.ErrNotExist says that a deleter took it away meanwhile.
func (f *folders) ensure(folder string) error {
	f.mu.Lock()
	_, ok := f.known[folder]
	f.mu.Unlock()
	if ok {
		return nil
	}
	err := os.MkdirAll(folder, FolderMode)
	if errors.Is(err, fs.ErrExist) { // it was in the way of mkdir, and pruned before the look that follows
		return &fs.PathError{Op: "mkdir", Path: folder, Err: fs.ErrNotExist}
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known) >= maxKnown {
		f.known = make(map[string]struct{})
	}
	f.known[folder] = struct{}{}
	return nil
}

// forget is called when the folder turns out to be gone.
func (f *folders) forget(folder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.known, folder)
}
