package jetstream_test

import (
	"context"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// TestShare: who has the contact works on the same queue; who has a wrong password does not.
func TestShare(t *testing.T) {
	host, err := jetstream.Open(t.Context(), jetstream.Config{Dir: t.TempDir(), Unsynced: true, Share: true})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	contact, shared := host.Contact()
	if !shared {
		t.Fatal("not shared")
	}
	guest, err := jetstream.Open(t.Context(), jetstream.Config{URL: contact.URL, User: contact.User, Password: contact.Password})
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	if err := guest.Publish(t.Context(), jobs.NewStitch(pyramid.SlideID{1}, pyramid.RunID{2})); err != nil {
		t.Fatal(err)
	}
	d, err := host.Take(t.Context(), jobs.Stitch)
	if err != nil || d.Job().Slide != (pyramid.SlideID{1}) {
		t.Errorf("took %+v, %v", d, err)
	}
	if _, err := jetstream.Open(t.Context(), jetstream.Config{URL: contact.URL, User: contact.User, Password: "guess"}); err == nil {
		t.Error("a wrong password was let in")
	}
	alone, err := jetstream.Open(t.Context(), jetstream.Config{Dir: t.TempDir(), Unsynced: true})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if c, shared := alone.Contact(); shared {
		t.Errorf("nobody asked, but it listens: %v", c.URL)
	}
}

// TestTakeStat: who keeps free for stat jobs gets those, and leaves the others alone.
func TestTakeStat(t *testing.T) {
	q, err := jetstream.Open(t.Context(), jetstream.Config{Dir: t.TempDir(), Unsynced: true})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	routine, stat := jobs.NewStitch(pyramid.SlideID{1}, pyramid.RunID{2}), jobs.NewStitch(pyramid.SlideID{3}, pyramid.RunID{4})
	stat.Priority = jobs.Stat
	for _, j := range []jobs.Job{routine, stat} {
		if err := q.Publish(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	d, err := q.TakeStat(t.Context(), jobs.Stitch)
	if err != nil || d.Job().ID != stat.ID {
		t.Fatalf("took %+v, %v", d, err)
	}
	if err := d.Ack(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	if d, err := q.TakeStat(ctx, jobs.Stitch); err == nil {
		t.Errorf("took %s, which is routine", d.Job().ID)
	}
	if d, err := q.Take(t.Context(), jobs.Stitch); err != nil || d.Job().ID != routine.ID {
		t.Errorf("took %+v, %v", d, err)
	}
}
