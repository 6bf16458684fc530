// Package jetstream is the durable job queue, on NATS JetStream: a server embedded in this process, or
// a cluster elsewhere. It carries jobs, progress, dead jobs and news; it knows nothing of what they
// mean. It is the only importer of NATS.
//
// # Delivery
//
// Jobs lie in one work-queue stream, from which an ack removes them. Every stage and priority has a
// durable consumer, filters disjoint as a work queue demands. Consumers deliver without limit, because
// a message that reaches JetStream's own limit stays in the stream for ever, unseen: counting is done
// here, in Take, which buries a job whose last delivery ended in silence.
//
// # Memory and disk
//
// The stream holds at most Config.MaxBytes and refuses more with jobs.ErrFull; the buckets hold at most
// 256 MiB of progress, which expires after 30 days, and 64 MiB of dead jobs. This process holds one job
// per Take in hand, a bell per stage, and at most backlog events per Watch.
package jetstream

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// Config says where the queue is and how patient it is. Secrets come from files, never from
// arguments; Password is for those who hold it in memory already.
type Config struct {
	URL string // nats://host:4222,…; empty: a server in this process
	Dir string // the embedded server's files, if URL is empty; one process at a time
	// Fresh forgets what Dir holds, once it is certain that nobody else works in it. It is for who finds
	// everything that matters in the store and needs no job of yesterday.
	Fresh bool

	// Share lets the embedded server listen on loopback, with a password that Queue.Contact tells.
	Share bool

	Name       string        // of the system, where several share a server; empty means slidemill
	AckWait    time.Duration // life of a delivery without Alive; 0 means as it was set up, 30 s at first
	MaxDeliver int           // deliveries of one job before it is dead; 0 means 5
	MaxBytes   int64         // of waiting jobs on disk; 0 means 1 GiB, about a million jobs
	Replicas   int           // copies in a cluster; 0 means 1
	Outage     time.Duration // how long a call waits for a server that is away; 0 means 2 min

	// Roles are the stages that this process works on. It then makes nothing on the server, waits for
	// nothing that others may do, and asks for no more than Rights gives these stages. Empty means every
	// stage and the right to make what is missing.
	Roles []jobs.Stage

	Credentials    string // .creds file
	NKey           string // file that holds an nkey's seed
	User, Password string
	// Inbox begins the subjects of answers, so that no other user can hear them; empty means
	// InboxOf(User).
	Inbox     string
	CA        string // PEM file: trust these instead of the system's authorities
	Cert, Key string // PEM files: show this certificate

	// Unsynced leaves it to the system when the embedded server's writes reach the disk (within two
	// minutes). A killed process loses nothing either way; a power failure may lose jobs. For tests.
	Unsynced bool
}

func (c Config) withDefaults() Config {
	c.MaxDeliver = cmp.Or(c.MaxDeliver, 5)
	c.MaxBytes = cmp.Or(c.MaxBytes, 1<<30)
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.Outage = cmp.Or(c.Outage, 2*time.Minute)
	return c
}

func (c Config) validate() (jobs.Names, error) {
	names, err := jobs.NewNames(c.Name)
	switch {
	case err != nil:
		return names, err
	case c.URL == "" && c.Dir == "":
		return names, errors.New("want the URL of a NATS server or a directory for an embedded one")
	case c.AckWait < 0 || c.MaxDeliver < 1 || c.MaxBytes < 1 || c.Outage < 0:
		return names, errors.New("negative patience, deliveries, size or outage")
	case c.Replicas < 1 || c.Replicas > 5 || c.URL == "" && c.Replicas > 1:
		return names, fmt.Errorf("%d replicas: want 1 to 5, and 1 without a cluster", c.Replicas)
	case (c.Cert == "") != (c.Key == ""):
		return names, errors.New("a certificate needs its key, and a key its certificate")
	case c.Credentials != "" && (c.User != "" || c.NKey != "") || c.User != "" && c.NKey != "":
		return names, errors.New("want one of a user, an nkey and a credentials file")
	}
	return names, nil
}

// Limits that need no tuning.
const (
	// ackWait is the patience of a queue whose maker did not say.
	ackWait = 30 * time.Second
	// window is how long the server remembers a published ID; its memory is about 100 bytes per job
	// of that time. Jobs that still wait are recognised for as long as they wait.
	window = 2 * time.Minute
	// progressAge outlives any run; every finished part renews it.
	progressAge   = 30 * 24 * time.Hour
	progressBytes = 256 << 20
	deadBytes     = 64 << 20
	retryBytes    = 8 << 20
	// maxInHand bounds the deliveries of one stage and priority at once, over all workers.
	maxInHand = 10_000
	// maxMessage fits every job, dead job and bitmap (jobs.MaxParts bits).
	maxMessage = 512 << 10
)
