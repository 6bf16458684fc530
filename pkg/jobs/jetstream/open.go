package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slidemill/slidemill/pkg/jobs"
)

var (
	_ jobs.Queue     = (*Queue)(nil)
	_ jobs.Events    = (*Queue)(nil)
	_ jobs.Patient   = (*Queue)(nil)
	_ jobs.Gauge     = (*Queue)(nil)
	_ jobs.Canceller = (*Queue)(nil)
	_ jobs.Repeater  = (*Queue)(nil)
	_ jobs.Express   = (*Queue)(nil)
)

// Queue is a jobs.Queue and jobs.Events on JetStream.
type Queue struct {
	config Config
	names  jobs.Names
	// patience is the life of a delivery, as the consumers were set up. Not written to after Open.
	patience time.Duration

	embedded *server.Server // nil with a URL
	lock     *dirLock       // nil with a URL
	conn     *nats.Conn
	js       jetstream.JetStream
	stream   jetstream.Stream
	progress jetstream.KeyValue
	dead     jetstream.KeyValue
	retry    jetstream.KeyValue

	lines    map[jobs.Stage]*line // never written to after Open
	express  map[jobs.Stage]*line // likewise; for stat jobs only
	denied   atomic.Pointer[denial]
	deaf     atomic.Bool // some subscription was denied, perhaps a bell's
	hung     atomic.Bool // the bells hang: lines and express are whole
	closed   chan struct{}
	close    func() error // once
	watchers sync.WaitGroup
}

// Open starts the embedded server or connects to the one at the URL, and makes what is missing there.
// The caller closes the queue.
func Open(ctx context.Context, c Config) (*Queue, error) {
	c = c.withDefaults()
	names, err := c.validate()
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	q := &Queue{config: c, names: names, closed: make(chan struct{}), lines: make(map[jobs.Stage]*line), express: make(map[jobs.Stage]*line)}
	q.close = sync.OnceValue(q.shut)
	if err := q.open(ctx); err != nil {
		return nil, fmt.Errorf("open queue: %w", errors.Join(err, q.Close()))
	}
	return q, nil
}

// openTime bounds Open: a disk under load makes files for seconds, and an answer may be lost.
const openTime = time.Minute

func (q *Queue) open(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if q.config.URL == "" {
		err = q.startEmbedded()
	}
	if err == nil {
		err = q.connect(ctx)
	}
	if err == nil {
		q.js, err = jetstream.New(q.conn)
	}
	if err == nil {
		err = q.setUp(ctx)
	}
	if err == nil {
		err = q.line()
	}
	return explain(err)
}

// Close ends every Take and Watch, sends what is still buffered and stops the embedded server. What
// is in hand comes back to whoever asks next.
func (q *Queue) Close() error { return q.close() }

func (q *Queue) shut() error {
	close(q.closed)
	if q.conn != nil {
		if q.conn.IsConnected() {
			_ = q.conn.FlushTimeout(5 * time.Second) // only news is unconfirmed, and may be lost
		}
		q.conn.Close()
	}
	q.watchers.Wait()
	if q.embedded != nil {
		q.embedded.Shutdown()
		q.embedded.WaitForShutdown()
	}
	return q.lock.release()
}

// Patience implements jobs.Patient.
func (q *Queue) Patience() time.Duration { return q.patience }

// Connected reports whether the server can be reached now; a call waits while it can't.
func (q *Queue) Connected() bool { return q.conn.IsConnected() }
