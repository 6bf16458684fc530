package stitch

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// Tiles is what run.json promises of one pyramid.
type Tiles struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
	// Digest is the exclusive or of SHA-256(key below the run, a zero byte, the tile) over all tiles:
	// it depends on every byte and not on the order in which they were made.
	Digest string `json:"digest"`
}

// tally adds tiles up. It is safe for concurrent use.
type tally struct {
	mu     sync.Mutex
	count  int64
	bytes  int64
	digest [sha256.Size]byte
}

func (t *tally) add(name string, data []byte) {
	h := sha256.New()
	h.Write(append([]byte(name), 0))
	h.Write(data)
	sum := h.Sum(nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	t.bytes += int64(len(data))
	for i, b := range sum {
		t.digest[i] ^= b
	}
}

func (t *tally) tiles() Tiles { return Tiles{t.count, t.bytes, hex.EncodeToString(t.digest[:])} }
