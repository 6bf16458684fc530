package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
)

// send sends data, up to Config.Tries times, each time in a body of its own. The client would try
// again by itself, but with the one body that the transport may still be reading for the try before.
func (b *Bucket) send(ctx context.Context, data []byte, request func(io.Reader) error) error {
	for try := 1; ; try++ {
		body := &body{r: bytes.NewReader(data)}
		err := request(body)
		body.retire()
		if err == nil || try >= b.config.Tries || ctx.Err() != nil || !temporary(answerOf(err)) {
			return err
		}
		pause := time.NewTimer(50*time.Millisecond<<try + rand.N(50*time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// temporary reports trouble that may be over in a moment: of the network, which has no status, or of
// the server.
func temporary(answer minio.ErrorResponse) bool {
	meaning, _ := classify(answer)
	switch {
	case meaning != nil:
		return false
	case answer.Code == "RequestTimeout" || answer.Code == "SlowDown":
		return true
	case answer.Code == "ExistingObjectIsDirectory":
		// versitygw says so of whatever goes wrong while it makes an object's folders, among it that somebody removes
		// the last object in one of them. Of our keys none is a folder of another.
		return true
	}
	return answer.StatusCode == 0 || answer.StatusCode == 429 || answer.StatusCode >= 500
}

// body is the body of one request. After retire nobody reads the bytes any more, however long the
// transport lingers over a connection that failed, so their buffer may be used again.
type body struct {
	mu sync.Mutex
	r  io.Reader // nil when retired
}

var errRetired = errors.New("the request is over")

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.r == nil {
		return 0, errRetired
	}
	return b.r.Read(p)
}

func (b *body) retire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.r = nil
}
