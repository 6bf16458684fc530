package stitch

import (
	"bytes"
	"sync"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// keptBytes is the budget for region files that are kept from one step to the next.
const keptBytes = 32 << 20

// kept holds region files that were read and proved, as they lie in the store: each is needed three times, and they are
// a tenth of their pixels. What does not fit any more is read and proved again each time. It is safe for concurrent use.
//
// # Memory
//
// keptBytes: the files of a slide of a gigapixel. They are copies without room at their ends.
type kept struct {
	mu    sync.Mutex
	left  int
	files map[pyramid.Region][]byte
}

func newKept(limit int) *kept { return &kept{left: limit, files: make(map[pyramid.Region][]byte)} }

// file is a region's file, or nil.
func (k *kept) file(at pyramid.Region) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.files[at]
}

// keep takes a file that was proved, if there is room. Whose region comes twice at once is kept once.
func (k *kept) keep(at pyramid.Region, file []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.files[at]; ok || len(file) > k.left {
		return
	}
	k.left -= len(file)
	k.files[at] = bytes.Clone(file)
}
