package jetstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startEmbedded runs a server in this process that nobody else can reach, unless Config.Share is set.
//
// Every write is flushed before it is confirmed (SyncAlways). Without that a killed process loses
// nothing, since the kernel has the bytes, but a power failure could lose a job that the tiler believes
// published, and its slide would wait for ever. A job is seconds of work; a flush is milliseconds.
func (q *Queue) startEmbedded() (err error) {
	if err := os.MkdirAll(q.config.Dir, 0o750); err != nil {
		return err
	}
	if q.lock, err = lockDir(filepath.Join(q.config.Dir, "lock")); err != nil {
		return fmt.Errorf("directory %s: %w", q.config.Dir, err)
	}
	files := filepath.Join(q.config.Dir, "jetstream") // where the server puts them, below StoreDir
	if q.config.Fresh {
		if err := os.RemoveAll(files); err != nil {
			return err
		}
	}
	options := &server.Options{
		ServerName:         q.names.String(),
		DontListen:         true,
		JetStream:          true,
		StoreDir:           q.config.Dir,
		SyncAlways:         !q.config.Unsynced,
		JetStreamMaxMemory: 64 << 20,
		// What the streams reserve, and a little for what the server writes beside them.
		JetStreamMaxStore: q.config.MaxBytes + progressBytes + deadBytes + retryBytes + 64<<20,
		MaxPayload:        1 << 20,
		NoSigs:            true,
	}
	q.share(options)
	if q.embedded, err = server.NewServer(options); err != nil {
		return err
	}
	log := new(lastWords)
	q.embedded.SetLogger(log, false, false)
	q.embedded.Start()
	if !q.embedded.ReadyForConnections(20*time.Second) || !q.embedded.JetStreamEnabled() {
		return fmt.Errorf("embedded NATS server in %s did not start: %w", q.config.Dir, log.err())
	}
	return nil
}

// lastWords is the embedded server's log. The server reports why it does not start nowhere else, so
// the latest complaint is kept; the rest is dropped, since only cmd and workers log.
type lastWords struct {
	mu   sync.Mutex
	last string
}

func (l *lastWords) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return errors.New("no reason given: is the disk very slow?")
	}
	return errors.New(l.last)
}

func (l *lastWords) keep(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = fmt.Sprintf(format, v...)
}

func (l *lastWords) Fatalf(format string, v ...any) { l.keep(format, v...) }
func (l *lastWords) Errorf(format string, v ...any) { l.keep(format, v...) }
func (l *lastWords) Warnf(string, ...any)           {}
func (l *lastWords) Noticef(string, ...any)         {}
func (l *lastWords) Debugf(string, ...any)          {}
func (l *lastWords) Tracef(string, ...any)          {}
