// Package front stands before the servers of a site and disturbs what passes: an HTTP proxy that spoils
// requests to the S3 server, and a TCP proxy that can swallow packets. It is for tests.
package front

import (
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Kinds of faults. Lost is an answer that never arrives although the server did what it was asked.
const (
	Error500  = "500"
	Error503  = "503"
	Reset     = "reset"
	Truncated = "truncated"
	Stall     = "stall"
	Lost      = "lost"
)

// Kinds lists all faults.
func Kinds() []string { return []string{Error500, Error503, Reset, Truncated, Stall, Lost} }

// S3 is a proxy before an S3 server.
type S3 struct {
	Address string
	forward *httputil.ReverseProxy
	stall   time.Duration
	server  *http.Server

	mu      sync.Mutex
	rng     *rand.Rand
	kind    string
	left    int
	share   float64
	Faults  map[string]int // injected, by kind; read it when nothing passes
	puts    map[string]int // PUTs that the client was told had succeeded, by path
	closing chan struct{}
}

// NewS3 starts a proxy on a free port of the loopback interface. The seed decides which requests suffer.
func NewS3(target string, stall time.Duration, seed uint64) (*S3, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &S3{
		Address: l.Addr().String(), stall: stall, rng: rand.New(rand.NewPCG(seed, 1)),
		Faults: map[string]int{}, puts: map[string]int{}, closing: make(chan struct{}),
		forward: &httputil.ReverseProxy{
			// The Host header stays: it is signed.
			Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
			ErrorLog: log.New(io.Discard, "", 0), // its complaints are what we ask for
		},
	}
	p.server = &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}
	go p.server.Serve(l)
	return p, nil
}

// Close ends the proxy.
func (p *S3) Close() error {
	close(p.closing)
	return p.server.Close()
}

// Arm spoils up to n of the coming requests, each with the given probability. Arm("", 0, 0) ends it.
func (p *S3) Arm(kind string, n int, share float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kind, p.left, p.share = kind, n, share
}

// Puts is how often clients were told that an object whose key ends so had been stored, by path.
func (p *S3) Puts(suffix string) map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := map[string]int{}
	for path, n := range p.puts {
		if strings.HasSuffix(path, suffix) {
			found[path] = n
		}
	}
	return found
}

func (p *S3) pick() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 || p.rng.Float64() >= p.share {
		return ""
	}
	p.left--
	p.Faults[p.kind]++
	return p.kind
}

func (p *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch p.pick() {
	case Error500:
		w.WriteHeader(http.StatusInternalServerError)
	case Error503:
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>`)
	case Reset: // before the server sees it
		panic(http.ErrAbortHandler)
	case Lost: // after the server did it
		p.forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case Truncated:
		p.forward.ServeHTTP(&truncating{ResponseWriter: w}, r)
		panic(http.ErrAbortHandler)
	case Stall:
		select {
		case <-time.After(p.stall):
		case <-r.Context().Done():
		case <-p.closing:
		}
		panic(http.ErrAbortHandler)
	default:
		p.pass(w, r)
	}
}

// pass forwards and counts what was stored.
func (p *S3) pass(w http.ResponseWriter, r *http.Request) {
	seen := &status{ResponseWriter: w}
	p.forward.ServeHTTP(seen, r)
	if r.Method == http.MethodPut && seen.code == http.StatusOK && r.Context().Err() == nil {
		p.mu.Lock()
		p.puts[r.URL.Path]++
		p.mu.Unlock()
	}
}

// status notes the answer's code.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Flush() {
	if f, ok := s.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// truncating passes on half of the first piece of a body, then nothing.
type truncating struct {
	http.ResponseWriter
	done bool
}

func (w *truncating) Write(data []byte) (int, error) {
	if !w.done {
		w.done = true
		w.ResponseWriter.Write(data[:len(data)/2])
		if f, ok := w.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
	}
	return len(data), nil
}
