package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/retry"
)

// natsHelp says where the secrets of --nats come from: never from arguments, which everybody on the
// machine can read.
const natsHelp = `Credentials for --nats come from the environment: SLIDEMILL_NATS_USER with
SLIDEMILL_NATS_PASSWORD or SLIDEMILL_NATS_PASSWORD_FILE; or SLIDEMILL_NATS_CREDS (a .creds
file); or SLIDEMILL_NATS_NKEY (a seed file). TLS: SLIDEMILL_NATS_CA, and SLIDEMILL_NATS_CERT
with SLIDEMILL_NATS_KEY. For --store: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL,
AWS_CA_BUNDLE, or the files of the AWS tools.`

// queueConfig reads who we are to the server from the environment. roles are the stages that this
// process works on; none means the server's own rights.
func (p *place) queueConfig(roles ...string) (jetstream.Config, error) {
	c := jetstream.Config{
		URL: p.nats, Dir: filepath.Join(p.data, "queue"), AckWait: p.patience, Share: p.share,
		User:        os.Getenv("SLIDEMILL_NATS_USER"),
		Password:    os.Getenv("SLIDEMILL_NATS_PASSWORD"),
		Credentials: os.Getenv("SLIDEMILL_NATS_CREDS"),
		NKey:        os.Getenv("SLIDEMILL_NATS_NKEY"),
		Inbox:       os.Getenv("SLIDEMILL_NATS_INBOX"),
		CA:          os.Getenv("SLIDEMILL_NATS_CA"),
		Cert:        os.Getenv("SLIDEMILL_NATS_CERT"),
		Key:         os.Getenv("SLIDEMILL_NATS_KEY"),
	}
	for _, r := range roles {
		c.Roles = append(c.Roles, jobs.Stage(r))
	}
	if file := os.Getenv("SLIDEMILL_NATS_PASSWORD_FILE"); file != "" && c.Password == "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return c, fmt.Errorf("SLIDEMILL_NATS_PASSWORD_FILE: %w", err)
		}
		c.Password = strings.TrimSpace(string(text))
	}
	return c, nil
}

// openQueue opens the queue of --nats, or one inside this process that lasts.
func (p *place) openQueue(ctx context.Context) (*jetstream.Queue, error) {
	c, err := p.queueConfig()
	if err != nil {
		return nil, err
	}
	return jetstream.Open(ctx, c)
}

// runQueue is the folder of the queue inside a `run`. Nobody else uses it.
const runQueue = ".run-queue"

// openRunQueue opens the queue of --nats, or an empty one inside this process: a `run` finds everything
// that matters in the store, and must not wait for jobs that a killed process still seems to hold.
func (p *place) openRunQueue(ctx context.Context) (*jetstream.Queue, error) {
	c, err := p.queueConfig()
	if err != nil {
		return nil, err
	}
	c.Dir, c.Fresh = filepath.Join(p.data, runQueue), p.nats == ""
	return jetstream.Open(ctx, c)
}

// awaitStore opens the store for a process that stays. A server that is not there yet is waited for:
// after a power failure machines come up in any order, and nobody is awake. A store that is full later is
// waited for too, and the log says so.
func (p *place) awaitStore(ctx context.Context, log *slog.Logger) (b store.Bucket, err error) {
	patient := retry.Config{Room: true, Notice: func(op, key string, err error, pause time.Duration) {
		log.Warn("the store has trouble, trying again", "op", op, "key", key, "pause", pause, "error", err)
	}}
	err = await(ctx, log, retry.Retryable, func() (err error) { b, err = p.openPacked(ctx, patient); return err })
	return b, err
}

// awaitQueue opens the queue likewise. roles are the stages to work on; none means the server's rights.
func (p *place) awaitQueue(ctx context.Context, log *slog.Logger, roles ...string) (q *jetstream.Queue, err error) {
	config, err := p.queueConfig(roles...)
	if err == nil {
		err = await(ctx, log, jetstream.Away, func() (err error) { q, err = jetstream.Open(ctx, config); return err })
	}
	return q, err
}

// awaitPause is the time between two attempts to reach a server.
const awaitPause = time.Second

// await opens until it succeeds or fails for good. It says each reason to wait once.
func await(ctx context.Context, log *slog.Logger, away func(error) bool, open func() error) error {
	for said := ""; ; {
		err := open()
		var usage *usageError
		if err == nil || ctx.Err() != nil || errors.As(err, &usage) || !away(err) {
			return err
		}
		if text := err.Error(); text != said {
			log.Warn("waiting", "error", text)
			said = text
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(awaitPause):
		}
	}
}
