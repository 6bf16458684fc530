package jetstream_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/jobs/jobstest"
)

// listen runs a NATS server on the loopback interface. A port of 0 means a free one.
func listen(t *testing.T, dir string, port int, change func(*server.Options)) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	o := &server.Options{Host: "127.0.0.1", Port: port, JetStream: dir != "", StoreDir: dir, NoSigs: true, NoLog: true}
	if change != nil {
		change(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// TestRemote: the same contract over TCP, many systems on one server.
func TestRemote(t *testing.T) {
	s := listen(t, t.TempDir(), 0, nil)
	jobstest.Run(t, jobstest.Config{
		Open: func(t *testing.T, set jobstest.Settings) jobstest.Queue {
			_, name, _ := strings.Cut(strings.ToLower(t.Name()), "/")
			return open(t, jetstream.Config{
				URL: s.ClientURL(), Name: "lab-" + name,
				AckWait: set.Patience, MaxDeliver: set.MaxDeliver, MaxBytes: 1 << 20,
			})
		},
	})
}

// TestOutage: calls that are under way while the server restarts succeed when it is back, and nothing
// that was confirmed is lost.
func TestOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := listen(t, dir, 0, nil)
	port := s.Addr().(*net.TCPAddr).Port
	q := open(t, jetstream.Config{URL: s.ClientURL()})
	const n = 40
	var group errgroup.Group
	group.Go(func() error {
		for i := range n {
			if err := q.Publish(t.Context(), jobs.NewSegment(slide, run, i)); err != nil {
				return err
			}
		}
		return nil
	})
	quarter := make(chan struct{})
	group.Go(func() error {
		for i := range n {
			if i == n/4 {
				close(quarter)
			}
			if err := finishOne(t.Context(), q, n); err != nil {
				return err
			}
		}
		return nil
	})
	<-quarter
	s.Shutdown()
	s.WaitForShutdown()
	listen(t, dir, port, nil)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if all, err := q.Finish(t.Context(), slide, run, 0, n); err != nil || !all {
		t.Errorf("finish: %v, %v: a part was lost", all, err)
	}
	if !q.Connected() {
		t.Error("not connected")
	}
}

func finishOne(ctx context.Context, q *jetstream.Queue, total int) error {
	d, err := q.Take(ctx, jobs.Segment)
	if err != nil {
		return err
	}
	if _, err := q.Finish(ctx, slide, run, d.Job().Batch%total, total); err != nil {
		return err
	}
	return d.Ack(ctx)
}

// TestOutageEnds: patience with a server that stays away is bounded, by ctx and by Config.Outage.
func TestOutageEnds(t *testing.T) {
	t.Parallel()
	s := listen(t, t.TempDir(), 0, nil)
	q := open(t, jetstream.Config{URL: s.ClientURL(), Outage: 200 * time.Millisecond})
	s.Shutdown()
	s.WaitForShutdown()
	start := time.Now()
	if err := q.Publish(t.Context(), jobs.NewStitch(slide, run)); err == nil {
		t.Error("published to nobody")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := q.Take(ctx, jobs.Tile); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("take: %v, want the end of ctx", err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestRefusals: who can't come in learns why and what to check, and no password is in the message.
func TestRefusals(t *testing.T) {
	const secret = "hunter2"
	closed := listen(t, t.TempDir(), 0, func(o *server.Options) { o.Username, o.Password = "lab", secret })
	plain := listen(t, "", 0, nil)
	address := closed.Addr().String()
	for name, c := range map[string]struct {
		config jetstream.Config
		hint   string
	}{
		"nobody there":      {jetstream.Config{URL: "nats://127.0.0.1:1"}, "is it running"},
		"no user":           {jetstream.Config{URL: "nats://" + address}, "check the user"},
		"wrong password":    {jetstream.Config{URL: "nats://lab:wrong-" + secret + "@" + address}, "check the user"},
		"no JetStream":      {jetstream.Config{URL: plain.ClientURL()}, "-js"},
		"no such file":      {jetstream.Config{URL: "nats://" + address, Credentials: "no-such.creds"}, "no such file"},
		"secret and no one": {jetstream.Config{URL: "nats://lab:" + secret + "@127.0.0.1:1"}, "is it running"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jetstream.Open(t.Context(), c.config)
			if err == nil || !strings.Contains(err.Error(), c.hint) {
				t.Errorf("%v, want a hint like %q", err, c.hint)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
	open(t, jetstream.Config{URL: "nats://" + address, User: "lab", Password: secret})
}

// TestGarbage: a message that is no job, put into the stream by somebody else, ends on the dead list and
// holds nobody up.
func TestGarbage(t *testing.T) {
	t.Parallel()
	s := listen(t, t.TempDir(), 0, nil)
	q := open(t, jetstream.Config{URL: s.ClientURL()})
	c, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	good := jobs.NewSegment(slide, run, 1)
	data, err := jobs.Encode(good)
	if err != nil {
		t.Fatal(err)
	}
	for subject, data := range map[string][]byte{
		"slidemill.jobs.routine.segment.x":                         []byte("MSH|^~\\&|"),
		"slidemill.jobs.routine.segment.y":                         nil,
		"slidemill.jobs.stat." + jobs.NewSegment(slide, run, 2).ID: data, // another job's subject
	} {
		if _, err := c.Request(subject, data, 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Publish(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	d, err := q.Take(t.Context(), jobs.Segment)
	if err != nil || d.Job().ID != good.ID {
		t.Fatalf("took %+v, %v", d, err)
	}
	if err := d.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A consumer may learn of what the stream has confirmed a moment later: then the next Take finds it.
	var dead []jobs.Dead
	for range 10 {
		if dead, err = q.Dead(t.Context()); err != nil || len(dead) == 3 {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if d, err := q.Take(ctx, jobs.Segment); err == nil {
			t.Errorf("took %s", d.Job().ID)
		}
		cancel()
	}
	if err != nil || len(dead) != 3 {
		t.Errorf("dead: %+v, %v, want 3", dead, err)
	}
}
