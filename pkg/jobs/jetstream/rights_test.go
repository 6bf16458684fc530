package jetstream_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
)

var update = flag.Bool("update", false, "rewrite deploy/nats.conf")

const shippedConfig = "../../../deploy/nats.conf"

// TestShippedConfig: the file that sites deploy is the one that the other tests prove.
func TestShippedConfig(t *testing.T) {
	want := jetstream.ServerConfig(jobs.Names{})
	if *update {
		if err := os.WriteFile(shippedConfig, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(shippedConfig)
	if diff := cmp.Diff(want, string(have)); err != nil || diff != "" {
		t.Errorf("%s is out of date (%v): go test ./pkg/jobs/jetstream -run TestShippedConfig -update\n%s", shippedConfig, err, diff)
	}
}

// guarded is a server with the shipped configuration.
func guarded(t *testing.T) string {
	t.Helper()
	t.Setenv("SLIDEMILL_NATS_DIR", t.TempDir())
	for _, u := range jetstream.Users(jobs.Names{}) {
		t.Setenv("SLIDEMILL_"+strings.ToUpper(u.Name)+"_PASSWORD", "secret-"+u.Name)
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	config := "listen: \"127.0.0.1:-1\"\n" + strings.Replace(jetstream.ServerConfig(jobs.Names{}), "sync_interval: always", "sync_interval: 2m", 1)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := listen(t, "", 0, func(to *server.Options) { o.NoSigs, o.NoLog = true, true; *to = *o })
	return s.ClientURL()
}

func as(t *testing.T, url, user string, roles ...jobs.Stage) *jetstream.Queue {
	t.Helper()
	return open(t, jetstream.Config{URL: url, User: user, Password: "secret-" + user, Roles: roles, Outage: time.Second})
}

// TestRolesSuffice: with only its rights each role does all that its stage asks of the queue.
func TestRolesSuffice(t *testing.T) {
	url := guarded(t)
	_, err := jetstream.Open(t.Context(), jetstream.Config{URL: url, User: "tile", Password: "secret-tile", Roles: []jobs.Stage{jobs.Tile}})
	if !errors.Is(err, jetstream.ErrNotSetUp) {
		t.Fatalf("before anybody made the stream: %v, want ErrNotSetUp", err)
	}
	boss := as(t, url, "serve")
	news, err := boss.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := boss.Publish(t.Context(), jobs.NewTile(slide, "/a", nil)); err != nil {
		t.Fatal(err)
	}
	next := map[jobs.Stage]jobs.Job{jobs.Tile: jobs.NewSegment(slide, run, 0), jobs.Segment: jobs.NewStitch(slide, run), jobs.Stitch: jobs.NewSegment(slide, run, 1)}
	for _, s := range jobs.Stages() {
		q := as(t, url, string(s), s)
		if q.Patience() != boss.Patience() {
			t.Errorf("%s: patience %v, the stream's is %v", s, q.Patience(), boss.Patience())
		}
		work(t, q, s, next[s])
		if e := <-news; e.Stage != s {
			t.Errorf("news %+v, want of %s", e, s)
		}
	}
	all := as(t, url, "worker", jobs.Stages()...)
	work(t, all, jobs.Segment, next[jobs.Segment])
	dead, err := boss.Dead(t.Context())
	if err != nil || len(dead) != 4 {
		t.Errorf("%d dead, %v, want 4", len(dead), err)
	}
	if n, err := boss.Cancel(t.Context(), slide); err != nil || n != 1 {
		t.Errorf("cancelled %d, %v", n, err)
	}
}

// work is everything that a worker does with a queue.
func work(t *testing.T, q *jetstream.Queue, s jobs.Stage, next jobs.Job) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d, err := q.Take(ctx, s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	steps := []error{d.Alive(ctx), d.Nak(ctx, 0)}
	if d, err = q.Take(ctx, s); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	steps = append(steps, q.Announce(ctx, jobs.Event{Slide: slide, Stage: s, State: jobs.Progress}), q.Publish(ctx, next), q.Again(ctx, next.ID), q.Publish(ctx, next))
	if s != jobs.Stitch { // the slide itself is a part of its run
		_, err := q.Finish(ctx, slide, run, 0, 3)
		steps = append(steps, err)
	}
	steps = append(steps, q.Bury(ctx, jobs.Dead{Job: d.Job(), Reason: "test"}), d.Term(ctx, "test"))
	if err := errors.Join(steps...); err != nil {
		t.Errorf("%s: %v", s, err)
	}
}

// TestStolenCredentials: who has a worker's password learns nothing of another role's jobs and can't
// touch them or the stream, through no door that JetStream has.
func TestStolenCredentials(t *testing.T) {
	url := guarded(t)
	boss := as(t, url, "serve")
	secret := jobs.NewTile(slide, "/scans/a.svs", nil)
	if err := boss.Publish(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if err := boss.Bury(t.Context(), jobs.Dead{Job: secret, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	thief := newThief(t, url, "segment")
	for _, subject := range []string{
		">", "slidemill.>", "slidemill.jobs.>", "slidemill.jobs.*.tile.>", "slidemill.jobs.*.stitch.>", "slidemill.events.*",
		"_INBOX.>", "_INBOX.tile.>", "_INBOX.serve.>", "$KV.>", "$JS.>", "$JS.API.>", "$JS.ACK.>", "$SYS.>",
	} {
		thief.mustNotHear(subject)
	}
	id := secret.Identity()
	subject := jobs.Names{}.Subject(jobs.Lane{}, id)
	for _, to := range []string{
		"$JS.API.STREAM.LIST", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.slidemill_jobs",
		"$JS.API.STREAM.MSG.GET.slidemill_jobs", "$JS.API.DIRECT.GET.slidemill_jobs", "$JS.API.DIRECT.GET.slidemill_jobs." + subject,
		"$JS.API.STREAM.DELETE.slidemill_jobs", "$JS.API.STREAM.PURGE.slidemill_jobs", "$JS.API.STREAM.UPDATE.slidemill_jobs",
		"$JS.API.STREAM.CREATE.mine", "$JS.API.STREAM.SNAPSHOT.slidemill_jobs", "$JS.API.STREAM.MSG.DELETE.slidemill_jobs",
		"$JS.API.CONSUMER.CREATE.slidemill_jobs.mine", "$JS.API.CONSUMER.DURABLE.CREATE.slidemill_jobs.mine",
		"$JS.API.CONSUMER.LIST.slidemill_jobs", "$JS.API.CONSUMER.DELETE.slidemill_jobs.tile-routine",
		"$JS.API.CONSUMER.MSG.NEXT.slidemill_jobs.tile-routine", "$JS.API.CONSUMER.INFO.slidemill_jobs.tile-routine",
		"$JS.API.STREAM.MSG.GET.KV_slidemill_dead", "$JS.API.DIRECT.GET.KV_slidemill_dead",
		"$JS.API.DIRECT.GET.KV_slidemill_dead.$KV.slidemill_dead." + secret.ID, "$JS.API.CONSUMER.CREATE.KV_slidemill_dead.mine",
		"$KV.slidemill_dead." + secret.ID, subject, "slidemill.jobs.stat.segment.x", "$SYS.REQ.SERVER.PING",
	} {
		thief.mustNotAsk(to)
	}
	d, err := as(t, url, "tile", jobs.Tile).Take(t.Context(), jobs.Tile) // it is untouched
	if err != nil || d.Job().ID != secret.ID || d.Attempt() != 1 {
		t.Errorf("took %+v, %v", d, err)
	}
}

// thief is a bare connection with a worker's password.
type thief struct {
	t      *testing.T
	conn   *nats.Conn
	inbox  string
	mu     sync.Mutex
	denied []string
}

func newThief(t *testing.T, url, user string) *thief {
	th := &thief{t: t, inbox: jetstream.InboxOf(user)}
	conn, err := nats.Connect(url, nats.UserInfo(user, "secret-"+user), nats.CustomInboxPrefix(th.inbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			th.mu.Lock()
			defer th.mu.Unlock()
			th.denied = append(th.denied, err.Error())
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	th.conn = conn
	return th
}

// wantDenied waits for the server's refusal, which comes beside the call.
func (th *thief) wantDenied(what, subject string) {
	th.t.Helper()
	want := fmt.Sprintf("%q", subject)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		th.mu.Lock()
		for _, text := range th.denied {
			if strings.Contains(text, what) && strings.Contains(text, want) {
				th.mu.Unlock()
				return
			}
		}
		th.mu.Unlock()
	}
	th.t.Errorf("the server does not refuse %s to %s", what, subject)
}

func (th *thief) mustNotHear(subject string) {
	th.t.Helper()
	sub, err := th.conn.SubscribeSync(subject)
	if err != nil {
		th.t.Fatal(err)
	}
	th.conn.Flush()
	th.wantDenied("Subscription", subject)
	sub.Unsubscribe()
}

func (th *thief) mustNotAsk(subject string) {
	th.t.Helper()
	sub, err := th.conn.SubscribeSync(th.inbox + ".loot")
	if err != nil {
		th.t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := th.conn.PublishRequest(subject, sub.Subject, []byte(`{"batch":1,"last_by_subj":"slidemill.jobs.>"}`)); err != nil {
		th.t.Fatal(err)
	}
	th.conn.Flush()
	th.wantDenied("Publish", subject)
	if msg, err := sub.NextMsg(time.Millisecond); err == nil {
		th.t.Errorf("%s answers %q", subject, msg.Data)
	}
}
