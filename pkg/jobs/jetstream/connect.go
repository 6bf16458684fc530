package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// connect fails at once if the server is away; once connected, it comes back for ever.
func (q *Queue) connect(ctx context.Context) (err error) {
	options := []nats.Option{
		nats.Name(q.names.String()),
		nats.Timeout(5 * time.Second),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 500*time.Millisecond),
		nats.PingInterval(15 * time.Second), // a dead link is noticed within 45 s
		nats.SyncQueueLen(4096),             // of a Watch; the default takes half a megabyte
		nats.ReconnectHandler(func(*nats.Conn) { q.ringAll() }),
		nats.ErrorHandler(q.noteDenied), // the server's only way to say that a right is missing
	}
	if q.embedded != nil {
		if q.config.Share {
			options = append(options, nats.UserInfo(q.config.User, q.config.Password))
		}
		q.conn, err = nats.Connect("", append(options, nats.InProcessServer(q.embedded))...)
		return err
	}
	secrets, err := q.config.secrets()
	if err != nil {
		return err
	}
	q.conn, err = nats.Connect(q.config.URL, append(options, secrets...)...)
	if err != nil {
		return fmt.Errorf("NATS server %s: %w", redact(q.config.URL), err)
	}
	return ctx.Err()
}

func (c Config) secrets() (options []nats.Option, err error) {
	if c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	if c.User != "" {
		options = append(options, nats.UserInfo(c.User, c.Password))
	}
	if c.NKey != "" {
		seed, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, fmt.Errorf("nkey: %w", err)
		}
		options = append(options, seed)
	}
	if c.CA != "" {
		options = append(options, nats.RootCAs(c.CA))
	}
	if c.Cert != "" {
		options = append(options, nats.ClientCert(c.Cert, c.Key))
	}
	return append(options, nats.CustomInboxPrefix(cmp.Or(c.Inbox, InboxOf(c.User)))), nil
}

// redact hides passwords in a list of URLs.
func redact(urls string) string {
	list := strings.Split(urls, ",")
	for i, text := range list {
		if u, err := url.Parse(text); err == nil {
			list[i] = u.Redacted()
		} else {
			list[i] = "(unreadable URL)"
		}
	}
	return strings.Join(list, ",")
}

// setUp provisions, again if an answer does not come: the request or the answer may be lost with a connection, and
// what was made in the meantime is found the next time. Any other error is final: a server that was just reached is not restarting.
func (q *Queue) setUp(ctx context.Context) error {
	for {
		err := q.attempt(ctx, q.provision)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}

// provision finds or makes the stream, its consumers and the buckets. What exists with the right
// settings is not touched, so a worker needs no right to make it.
func (q *Queue) provision(ctx context.Context) (err error) {
	if len(q.config.Roles) > 0 {
		return q.join(ctx)
	}
	if q.stream, err = q.provideStream(ctx); err != nil {
		return fmt.Errorf("stream %s: %w", q.names.Stream(), err)
	}
	for _, s := range jobs.Stages() {
		for _, l := range jobs.Lanes(false) {
			if err := q.provideConsumer(ctx, s, l); err != nil {
				return fmt.Errorf("consumer %s: %w", q.names.Consumer(s, l), err)
			}
		}
	}
	for _, b := range q.buckets() {
		if *b.handle, err = q.provideBucket(ctx, b.config); err != nil {
			return fmt.Errorf("bucket %s: %w", b.config.Bucket, err)
		}
	}
	return nil
}

// bucket is one of the buckets and where the queue keeps it.
type bucket struct {
	handle *jetstream.KeyValue
	config jetstream.KeyValueConfig
}

func (q *Queue) buckets() []bucket {
	return []bucket{
		{&q.progress, jetstream.KeyValueConfig{Bucket: q.names.Progress(), TTL: progressAge, MaxBytes: progressBytes}},
		{&q.dead, jetstream.KeyValueConfig{Bucket: q.names.Dead(), MaxBytes: deadBytes}},
		{&q.retry, jetstream.KeyValueConfig{Bucket: q.names.Retry(), TTL: 2 * window, MaxBytes: retryBytes}},
	}
}

// marksParts reports whether a stage marks parts of runs as finished.
func marksParts(s jobs.Stage) bool { return s != jobs.Stitch }

// ErrNotSetUp says that nobody with the right to it has made the stream yet.
var ErrNotSetUp = errors.New("the queue is not set up yet: start `slidemill serve` once, which makes it")

// join finds what others have made, and takes over how patient it is.
func (q *Queue) join(ctx context.Context) error {
	for _, s := range q.config.Roles {
		for _, l := range jobs.Lanes(false) {
			c, err := q.js.Consumer(ctx, q.names.Stream(), q.names.Consumer(s, l))
			if isNotFound(err) {
				err = ErrNotSetUp
			}
			if err != nil {
				return fmt.Errorf("consumer %s: %w", q.names.Consumer(s, l), err)
			}
			q.patience = c.CachedInfo().Config.AckWait
		}
	}
	for _, b := range q.buckets() {
		if b.handle == &q.progress && !slices.ContainsFunc(q.config.Roles, marksParts) {
			continue
		}
		kv, err := q.js.KeyValue(ctx, b.config.Bucket)
		if isNotFound(err) {
			err = ErrNotSetUp
		}
		if err != nil {
			return fmt.Errorf("bucket %s: %w", b.config.Bucket, err)
		}
		*b.handle = kv
	}
	return nil
}

func (q *Queue) provideStream(ctx context.Context) (jetstream.Stream, error) {
	want := jetstream.StreamConfig{
		Name:      q.names.Stream(),
		Subjects:  []string{q.names.AllJobs()},
		Retention: jetstream.WorkQueuePolicy,
		Storage:   jetstream.FileStorage,
		Replicas:  q.config.Replicas,
		MaxBytes:  q.config.MaxBytes,
		// A full queue refuses; it never drops a job. One message per subject, and a subject per job:
		// a job that still waits is not queued twice, however long ago it came.
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxMsgsPerSubject:    1,
		MaxMsgSize:           maxMessage,
		Duplicates:           window,
	}
	s, err := q.js.Stream(ctx, want.Name)
	if isNotFound(err) {
		return q.js.CreateStream(ctx, want)
	}
	if err != nil {
		return nil, err
	}
	have := s.CachedInfo().Config
	if have.Retention != want.Retention {
		return nil, fmt.Errorf("it exists and is no work queue: name this system otherwise, or remove the stream")
	}
	if have.MaxBytes == want.MaxBytes && have.Replicas == want.Replicas {
		return s, nil
	}
	return q.js.UpdateStream(ctx, want)
}

func (q *Queue) provideConsumer(ctx context.Context, s jobs.Stage, l jobs.Lane) error {
	want := jetstream.ConsumerConfig{
		Durable:       q.names.Consumer(s, l),
		FilterSubject: q.names.JobsAt(s, l),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       cmp.Or(q.config.AckWait, ackWait),
		MaxDeliver:    -1, // counted in Take
		MaxAckPending: maxInHand,
	}
	c, err := q.stream.Consumer(ctx, want.Durable)
	if err == nil && (q.config.AckWait == 0 || c.CachedInfo().Config.AckWait == want.AckWait) {
		q.patience = c.CachedInfo().Config.AckWait
		return nil
	}
	if err == nil || isNotFound(err) {
		_, err = q.stream.CreateOrUpdateConsumer(ctx, want)
		q.patience = want.AckWait
	}
	return err
}

func (q *Queue) provideBucket(ctx context.Context, want jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	want.Replicas, want.MaxValueSize = q.config.Replicas, maxMessage
	kv, err := q.js.KeyValue(ctx, want.Bucket)
	if isNotFound(err) {
		return q.js.CreateKeyValue(ctx, want)
	}
	return kv, err
}
