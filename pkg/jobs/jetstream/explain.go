package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// attemptTime bounds one try of a call; a server that is up answers in milliseconds.
const attemptTime = 5 * time.Second

// call does f, again and again while the server is away, for as long as ctx and Config.Outage allow.
// f must be harmless when done twice: its answer may have been lost.
func (q *Queue) call(ctx context.Context, op string, f func(context.Context) error) error {
	var err error
	giveUp := time.Now().Add(q.config.Outage)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err = q.attempt(ctx, f)
		if err == nil || !transient(err) || ctx.Err() != nil || time.Now().After(giveUp) {
			break
		}
		q.sleep(ctx, pause/2+rand.N(pause))
	}
	switch {
	case err == nil:
		return nil
	case q.isClosed():
		err = jobs.ErrClosed
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return fmt.Errorf("%s: %w", op, explain(err))
}

func (q *Queue) attempt(ctx context.Context, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	err := f(ctx)
	if d := q.denied.Load(); err != nil && d != nil && d.at.After(started) {
		return d.err // not transient: the answer that did not come never will
	}
	return err
}

// denial is the server's latest word that a right is missing. It comes beside the call that it
// answers, which hears nothing.
type denial struct {
	at  time.Time
	err error
}

func (q *Queue) noteDenied(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		q.denied.Store(&denial{time.Now(), err})
		if strings.Contains(err.Error(), "for Subscription to") { // the server's words; the client keeps no other trace
			q.deaf.Store(true)
		}
	}
}

// sleep waits for the pause, the end of ctx or the end of the queue.
func (q *Queue) sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-q.closed:
	}
}

func (q *Queue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}

// transient reports an error that a server gives, or nobody does, while it restarts or moves.
func transient(err error) bool {
	for _, e := range []error{
		nats.ErrNoResponders, nats.ErrTimeout, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		nats.ErrReconnectBufExceeded, nats.ErrNoServers, jetstream.ErrNoStreamResponse,
		jetstream.ErrConsumerLeadershipChanged, jetstream.ErrServerShutdown, context.DeadlineExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 503 && !isFull(err)
}

// Away reports an error of Open that ends by itself when the server comes up and is set up, or the way to it is
// mended: a cable that is out shows as a timeout of the dialling.
func Away(err error) bool {
	var timeout net.Error
	return transient(err) || errors.Is(err, ErrNotSetUp) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// isFull reports that a limit of the stream, of the account or of the disk is reached.
func isFull(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	const (
		noResources     = 10023 // JSInsufficientResourcesErr
		storageExceeded = 10047 // JSStorageResourcesExceededErr
		storeFailed     = 10077 // JSStreamStoreFailedF: the text has the reason
	)
	switch api.ErrorCode {
	case noResources, storageExceeded:
		return true
	case storeFailed:
		return strings.Contains(api.Description, "maximum") || strings.Contains(api.Description, "no space")
	}
	return false
}

// isWaiting reports that the stream holds a message of the same subject already.
func isWaiting(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum messages per subject exceeded")
}

// isConflict reports that somebody else wrote the key first.
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) ||
		errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
			api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

func isNotFound(err error) bool {
	for _, e := range []error{
		jetstream.ErrStreamNotFound, jetstream.ErrConsumerNotFound, jetstream.ErrBucketNotFound, jetstream.ErrKeyNotFound,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// explain adds to an error what a person can do about it.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%w: %w: let the workers catch up, or make room on the server's disk", jobs.ErrFull, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w: start nats-server with -js, and enable JetStream for the account", err)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%w: check the user or the credentials file, and its rights", err)
	case errors.Is(err, nats.ErrNoServers), strings.Contains(err.Error(), "connection refused"):
		return fmt.Errorf("%w: is it running there, and does a firewall let us through?", err)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: the server is starting, or has no JetStream (nats-server -js)", err)
	}
	return err
}
