//go:build unix

package s3_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/retry"
	"github.com/slidemill/slidemill/pkg/store/s3"
	"github.com/slidemill/slidemill/pkg/store/storetest"
)

// proxy stands before the server and spoils a share of the requests, each in another way.
type proxy struct {
	forward *httputil.ReverseProxy
	stall   time.Duration

	mu     sync.Mutex
	rng    *rand.Rand
	share  float64
	kinds  []string
	faults map[string]int
}

func newProxy(t *testing.T, share float64, kinds ...string) (*proxy, string) {
	t.Helper()
	to, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		forward: &httputil.ReverseProxy{
			// The Host header stays: it is signed.
			Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
			ErrorLog: log.New(io.Discard, "", 0), // its complaints are what we ask for
		},
		stall: 3 * time.Second, rng: rand.New(rand.NewPCG(1, 2)), share: share, kinds: kinds, faults: make(map[string]int),
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return p, s.URL
}

func (p *proxy) pick() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rng.Float64() >= p.share {
		return ""
	}
	kind := p.kinds[p.rng.IntN(len(p.kinds))]
	p.faults[kind]++
	return kind
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch p.pick() {
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
	case "503":
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>`)
	case "reset": // before the server sees it
		panic(http.ErrAbortHandler)
	case "lost": // after the server did it
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case "truncated":
		p.forward.ServeHTTP(&truncating{ResponseWriter: w}, r)
		panic(http.ErrAbortHandler)
	case "stall":
		select {
		case <-time.After(p.stall):
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	default:
		p.forward.ServeHTTP(w, r)
	}
}

// truncating passes on half of the first piece of a body, then nothing.
type truncating struct {
	http.ResponseWriter
	done bool
}

func (w *truncating) Write(p []byte) (int, error) {
	if !w.done {
		w.done = true
		w.ResponseWriter.Write(p[:len(p)/2])
		w.ResponseWriter.(http.Flusher).Flush()
	}
	return len(p), nil
}

// impatient is a driver that gives up soon, so that trouble reaches the wrapper.
func impatient(endpoint string) s3.Config {
	c := config()
	c.Endpoint, c.PartSize, c.Stall, c.Tries = endpoint, 5<<20, 200*time.Millisecond, 2
	return c
}

// TestFaults: behind store/retry, a server that fails one request in eight in every way passes for a
// good one, and no object is torn or lost.
func TestFaults(t *testing.T) {
	p, endpoint := newProxy(t, 0.12, "500", "503", "reset", "lost", "truncated", "stall")
	c := impatient(server.Endpoint)
	open(t, c) // makes the bucket undisturbed
	c.Endpoint = endpoint
	dialled, err := s3.Open(t.Context(), c)
	for i := 0; err != nil && i < 20; i++ {
		dialled, err = s3.Open(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := retry.New(dialled, retry.Config{First: time.Millisecond, Longest: 20 * time.Millisecond, Patience: time.Minute, Buffer: 20 << 20})
	rng, noise := rand.New(rand.NewPCG(3, 4)), rand.NewChaCha8([32]byte{5})
	for i := range 60 {
		data := make([]byte, rng.IntN(60_000))
		if i%20 == 7 {
			data = make([]byte, 6<<20) // two parts
		}
		noise.Read(data)
		key := "f/" + string(rune('a'+i%26)) + "/" + string(rune('a'+i/26))
		if err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
		body, err := b.Get(t.Context(), key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%s: %d bytes came back, want %d, %v", key, len(got), len(data), err)
		}
	}
	n := 0
	for _, err := range b.List(t.Context(), "f/") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 60 {
		t.Errorf("%d objects, want 60", n)
	}
	t.Logf("faults: %v", p.faults)
	for _, kind := range p.kinds {
		if p.faults[kind] == 0 {
			t.Errorf("no fault of kind %s", kind)
		}
	}
}

// TestStall: a server that hangs is given up after Config.Stall, not after hours.
func TestStall(t *testing.T) {
	_, endpoint := newProxy(t, 1, "stall")
	c := impatient(endpoint)
	c.Tries = 1
	start := time.Now()
	if _, err := s3.Open(t.Context(), c); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("open: %v", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("given up after %v", took)
	}
}

// TestFull: servers say in several ways that there is no room.
func TestFull(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		code   string
	}{
		"quota": {403, "QuotaExceeded"}, "minio": {507, "XMinioStorageFull"}, "status": {507, "Whatever"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.Method {
				case http.MethodGet:
					io.WriteString(w, "<ListBucketResult></ListBucketResult>")
					return
				case http.MethodPost:
					io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
					return
				}
				io.Copy(io.Discard, r.Body)
				w.WriteHeader(answer.status)
				io.WriteString(w, "<Error><Code>"+answer.code+"</Code><Message>no</Message></Error>")
			}))
			defer s.Close()
			b := open(t, impatient(s.URL))
			for _, size := range []int{1, 6 << 20} { // whole, and in parts
				err := b.Put(t.Context(), "k", storetest.Seekless(make([]byte, size)), -1)
				if !errors.Is(err, store.ErrNoSpace) || !strings.Contains(err.Error(), "make room") {
					t.Errorf("%d bytes: %v, want ErrNoSpace with a hint", size, err)
				}
			}
		})
	}
}
