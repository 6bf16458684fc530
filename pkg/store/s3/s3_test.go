//go:build unix

package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
	"github.com/slidemill/slidemill/pkg/store/s3/s3test"
	"github.com/slidemill/slidemill/pkg/store/storetest"
)

// server is set by TestMain, since only one may run in a process.
var server *s3test.Server

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "s3test")
	if err == nil {
		server, err = s3test.Start(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := errors.Join(server.Stop(), os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var buckets atomic.Int64

// config is that of a new bucket.
func config() s3.Config { return server.Config(fmt.Sprintf("bucket-%d", buckets.Add(1))) }

func open(t *testing.T, c s3.Config) *s3.Bucket {
	t.Helper()
	b, err := s3.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(t *testing.T) store.Bucket {
			c := config()
			c.PartSize = 5 << 20
			return open(t, c)
		},
		Big: 6 << 20, // two parts
	})
}

// TestPrefix: two stores in one bucket don't see each other, nor what else is there.
func TestPrefix(t *testing.T) {
	c := config()
	whole := open(t, c)
	c.Prefix = "lab/one"
	one := open(t, c)
	c.Prefix = "lab/on"
	other := open(t, c)
	for _, b := range []store.Bucket{one, other} {
		if err := b.Put(t.Context(), "a/b", strings.NewReader("x"), 1); err != nil {
			t.Fatal(err)
		}
	}
	want := map[store.Bucket][]string{one: {"a/b"}, other: {"a/b"}, whole: {"lab/on/a/b", "lab/one/a/b"}}
	for b, keys := range want {
		var got []string
		for o, err := range b.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if fmt.Sprint(got) != fmt.Sprint(keys) {
			t.Errorf("listed %q, want %q", got, keys)
		}
	}
}

func TestMediaType(t *testing.T) {
	b := open(t, config())
	key := store.Slides() + "00112233445566778899aabb/thumbnail.jpeg"
	if err := b.Put(t.Context(), key, strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if got := store.MediaType(key); got != "image/jpeg" {
		t.Errorf("media type %s", got)
	}
}

// TestRefused: who may not come in learns what to check, and no secret is in the message.
func TestRefused(t *testing.T) {
	c := config()
	open(t, c) // the bucket is there
	const badSecret = "hunter2-hunter2"
	for name, bad := range map[string]func(s3.Config) s3.Config{
		"secret": func(c s3.Config) s3.Config { c.Secret = badSecret; return c },
		"key":    func(c s3.Config) s3.Config { c.AccessKey = "nobody"; c.Secret = badSecret; return c },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s3.Open(t.Context(), bad(c))
			if !errors.Is(err, store.ErrDenied) || !strings.Contains(err.Error(), "check the access key") {
				t.Errorf("%v, want ErrDenied with a hint", err)
			}
			if err != nil && strings.Contains(err.Error(), badSecret) {
				t.Error("the error holds the secret")
			}
		})
	}
}

func TestOpenMissing(t *testing.T) {
	c := config()
	c.Create = false
	if _, err := s3.Open(t.Context(), c); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), c.Bucket) {
		t.Errorf("missing bucket: %v, want ErrNotFound", err)
	}
	c.Endpoint, c.Tries = "http://127.0.0.1:1", 1
	hint := ": nobody answers at http://127.0.0.1:1: check the store's address (AWS_ENDPOINT_URL) and whether the server runs; nothing is lost"
	if _, err := s3.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("a port where nothing listens: %v, want the hint %q", err, hint)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s3.Open(ctx, c); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "nobody answers") {
		t.Errorf("cancelled: %v", err)
	}
}

// TestCredentialSources: the environment and the file that the AWS tools write both work.
func TestCredentialSources(t *testing.T) {
	c := config()
	c.AccessKey, c.Secret = "", ""
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"} {
		t.Setenv(name, "")
	}
	file := t.TempDir() + "/credentials"
	text := fmt.Sprintf("[lab]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s3test.AccessKey, s3test.Secret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile := c
	fromFile.CredentialsFile, fromFile.Profile = file, "lab"
	open(t, fromFile)

	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.Secret)
	t.Setenv("AWS_ENDPOINT_URL_S3", c.Endpoint)
	c.Endpoint = ""
	open(t, c)
}

// TestPinned: of an object that is replaced nothing is read any more by who has seen the first one; others read the new
// one, and who has asked for no version reads as ever.
func TestPinned(t *testing.T) {
	b := open(t, config())
	put := func(text string) {
		t.Helper()
		if err := b.Put(t.Context(), "k", strings.NewReader(text), -1); err != nil {
			t.Fatal(err)
		}
	}
	put("the first")
	p := b.Pin()
	if data, err := store.ReadAll(t.Context(), p, "k", 100); err != nil || string(data) != "the first" {
		t.Errorf("nothing pinned yet: %q, %v", data, err)
	}
	o, err := p.Stat(t.Context(), "k")
	if err != nil || o.Version == "" || p.Version("k") != o.Version {
		t.Fatalf("%+v, %v", o, err)
	}
	if data, err := store.ReadAll(t.Context(), p, "k", 100); err != nil || string(data) != "the first" {
		t.Errorf("%q, %v", data, err)
	}
	put("the other")
	if r, err := p.Get(t.Context(), "k", 4, 3); !errors.Is(err, store.ErrReplaced) {
		t.Errorf("read %v, %v", r, err)
	}
	if _, err := p.Stat(t.Context(), "k"); !errors.Is(err, store.ErrReplaced) {
		t.Errorf("stat: %v", err)
	}
	again := b.Pin()
	if _, err := again.Stat(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if data, err := store.ReadAll(t.Context(), again, "k", 100); err != nil || string(data) != "the other" {
		t.Errorf("%q, %v", data, err)
	}
}

// deaf is a server that heeds no If-Match: the object that it gives, when told to, is another one.
type deaf struct {
	http.RoundTripper
	other atomic.Bool
}

func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := d.RoundTripper.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet && d.other.Load() {
		answer.Header.Set("ETag", `"other"`)
	}
	return answer, err
}

// TestPinnedByAnswer: nor with a server that does not heed the condition.
func TestPinnedByAnswer(t *testing.T) {
	c, way := config(), &deaf{RoundTripper: http.DefaultTransport}
	c.Transport = way
	p := open(t, c).Pin()
	if err := p.Put(t.Context(), "k", strings.NewReader("the first"), -1); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stat(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	for _, other := range []bool{false, true} {
		way.other.Store(other)
		if r, err := p.Get(t.Context(), "k", 0, -1); errors.Is(err, store.ErrReplaced) != other || !other && err != nil {
			t.Errorf("replaced %v: %v, %v", other, r, err)
		}
	}
}
