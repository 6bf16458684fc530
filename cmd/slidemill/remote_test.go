//go:build unix

package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store/s3"
	"github.com/slidemill/slidemill/pkg/store/s3/s3test"
	"github.com/slidemill/slidemill/pkg/store/szi"
)

// TestRemote takes a slide through a real S3 server and a real NATS server, both over TCP: the code is
// the same as with a directory and the embedded queue, and so are the bytes.
func TestRemote(t *testing.T) {
	t.Chdir(".") // the S3 server changes the process's directory; this brings it back
	slide := filepath.Join(t.TempDir(), "slide.tiff")
	if code, _, errs := command("synth", "--out", slide, "--size", "1200x900", "--seed", "3"); code != 0 {
		t.Fatal(errs)
	}
	local := report(t, "run", "--json", "--data", t.TempDir(), slide)
	remote := report(t, "run", "--json", "--data", t.TempDir(), "--nats", natsServer(t), "--store", s3Server(t), slide)
	if local.SHA256 != remote.SHA256 {
		t.Errorf("sums %+v through S3 and NATS, %+v on this machine", remote.SHA256, local.SHA256)
	}
}

func report(t *testing.T, args ...string) stitch.Report {
	t.Helper()
	code, out, errs := command(args...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var r stitch.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// natsServer is a NATS server on a port of its own.
func natsServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return s.ClientURL()
}

// s3Server is an S3 server with a bucket, which the environment says how to reach.
func s3Server(t *testing.T) string {
	t.Helper()
	s, err := s3test.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("AWS_ENDPOINT_URL", s.Endpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.Secret)
	if _, err := s3.Open(context.Background(), s3.Config{Bucket: "slides", Create: true}); err != nil {
		t.Fatal(err)
	}
	return "s3://slides/results"
}

// TestPacks: whoever opens a store, whether at once or patiently, as serve and worker do, packs pyramids
// alike. Otherwise a worker would not find the tiles that a run has packed.
func TestPacks(t *testing.T) {
	t.Chdir(".") // see TestRemote
	elsewhere := s3Server(t)
	for _, p := range []struct {
		place
		want bool
	}{
		{place{store: elsewhere}, true},
		{place{store: elsewhere, pack: "no"}, false},
		{place{store: "dir:" + t.TempDir()}, false},
		{place{store: "dir:" + t.TempDir(), pack: "yes"}, true},
	} {
		once, err := p.openStore(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		patient, err := p.awaitStore(t.Context(), slog.Default())
		if err != nil {
			t.Fatal(err)
		}
		if szi.Packs(once) != p.want || szi.Packs(patient) != p.want {
			t.Errorf("%.5s, --pack %q: packs %v, patiently %v, want %v", p.store, p.pack, szi.Packs(once), szi.Packs(patient), p.want)
		}
	}
}
