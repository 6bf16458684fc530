package front

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"time"
)

// Line is a proxy before an HTTP server that is far away: each request arrives late, and is counted.
type Line struct {
	Address string
	latency time.Duration
	forward *httputil.ReverseProxy
	server  *http.Server

	requests, down, up atomic.Int64
}

// Traffic is what has passed: requests, and bytes of bodies to the client and from it.
type Traffic struct{ Requests, Down, Up int64 }

// NewLine starts a proxy on a free port of the loopback interface.
func NewLine(target string, latency time.Duration) (*Line, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Line{
		Address: listener.Addr().String(), latency: latency,
		forward: &httputil.ReverseProxy{
			// The Host header stays: it is signed.
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
			Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
			ErrorLog:  log.New(io.Discard, "", 0), // clients that close early
		},
	}
	l.server = &http.Server{Handler: l}
	go l.server.Serve(listener)
	return l, nil
}

// ServeHTTP implements http.Handler.
func (l *Line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.requests.Add(1)
	time.Sleep(l.latency)
	r.Body = &counted{r.Body, &l.up}
	l.forward.ServeHTTP(&counting{w, &l.down}, r)
}

// Traffic is what has passed since the last call.
func (l *Line) Traffic() Traffic {
	return Traffic{l.requests.Swap(0), l.down.Swap(0), l.up.Swap(0)}
}

// Close ends the proxy.
func (l *Line) Close() error { return l.server.Close() }

type counting struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// Unwrap lets http.ResponseController flush.
func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

type counted struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}
