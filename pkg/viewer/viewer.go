// Package viewer shows results to people: an HTTP handler with the worklist, a slide viewer with the
// overlay on top, a small JSON API, and the store's files under their own keys. It reads the store
// and changes nothing. It knows slides by their ids only, so that no URL holds a patient's data.
package viewer

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

//go:embed web
var web embed.FS

//go:embed openapi.json
var api embed.FS

// Config says what to show.
type Config struct {
	Bucket store.Bucket
	// Ready reports why the process cannot work now, or nil. It may be nil.
	Ready func(ctx context.Context) error
	// Orders lists what was ordered lately and how it stands, newest last. It may be nil.
	Orders func(ctx context.Context) ([]Entry, error)
	// OrderedRun is the run of a slide's last order, however long ago, finished or not; none where no order says so. It is
	// asked of slides with several runs that Orders does not list. It may be nil.
	OrderedRun func(ctx context.Context, slide pyramid.SlideID) (pyramid.RunID, error)
	// Feed is the news for /api/v1/events; nil means that there never is any.
	Feed *Feed
	// Metrics answers /metrics. It may be nil.
	Metrics http.Handler
	// Explain answers why a place scored as it did. It may be nil.
	Explain Explain
	// NoStatement says of a report in a few words why its run, though done, is no statement on the slide, or nothing if it is
	// one. nil says nothing of any.
	NoStatement func(report []byte) (string, error)
	Log         *slog.Logger
}

// New makes the handler for all of the viewer's paths.
func New(c Config) (http.Handler, error) {
	assets, err := fs.Sub(web, "web")
	if err != nil {
		return nil, fmt.Errorf("viewer assets: %w", err)
	}
	if c.Feed == nil {
		c.Feed = NewFeed()
	}
	v := &viewer{c}
	mux := http.NewServeMux()
	for pattern, handler := range v.routes(assets) {
		mux.HandleFunc(pattern, handler)
	}
	return guard(mux), nil
}

// routes is every path there is; openapi.json describes those of the API.
func (v *viewer) routes(assets fs.FS) map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		"GET /static/":                          http.StripPrefix("/static/", http.FileServerFS(assets)).ServeHTTP,
		"GET /{$}":                              page(assets, "worklist.html"),
		"GET /slides/{slide}":                   page(assets, "slide.html"),
		"GET /slides/{slide}/{rest...}":         v.object,
		"GET /api/v1/openapi.json":              page(api, "openapi.json"),
		"GET /api/v1/worklist":                  v.answer(v.worklist),
		"GET /api/v1/events":                    v.events,
		"GET /api/v1/slides/{slide}":            v.answer(v.slide),
		"GET /api/v1/slides/{slide}/runs/{run}": v.answer(v.run),
		"GET /healthz":                          func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") },
		"GET /readyz":                           v.ready,
	}
	if v.Explain != nil {
		routes["GET /slides/{slide}/runs/{run}/explain"] = v.why(newReasons(v.Explain))
	}
	if v.Metrics != nil {
		routes["GET /metrics"] = v.Metrics.ServeHTTP
	}
	return routes
}

type viewer struct{ Config }

// guard sets what every answer carries. The pages load nothing from elsewhere and run no inline code.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func page(assets fs.FS, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, assets, name)
	}
}

func (v *viewer) ready(w http.ResponseWriter, r *http.Request) {
	if v.Ready != nil {
		if err := v.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ready")
}

// answer writes what a function of the request returns as JSON.
func (v *viewer) answer(get func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := get(r)
		if err != nil {
			v.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		if err := json.NewEncoder(w).Encode(value); err != nil {
			v.Log.Debug("answer was not taken", "path", r.URL.Path, "error", err)
		}
	}
}

// badRequest is a request that makes no sense.
type badRequest struct{ error }

// fail is the one switch from errors to HTTP codes. Only what the client caused is told to it.
func (v *viewer) fail(w http.ResponseWriter, r *http.Request, err error) {
	var bad badRequest
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, "not found", http.StatusNotFound)
	case errors.As(err, &bad):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case r.Context().Err() != nil: // the client went away
	default:
		v.Log.Error("request failed", "path", r.URL.Path, "error", err)
		http.Error(w, "the store does not answer; the log says why", http.StatusBadGateway)
	}
}
