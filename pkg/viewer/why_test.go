package viewer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// asker is a viewer whose explanations a test makes.
func asker(t *testing.T, explain Explain) func(query string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := New(Config{Bucket: shelf(t), Explain: explain, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return func(query string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		path := "/slides/" + slideB.String() + "/runs/" + runID.String() + "/explain" + query
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
}

func TestWhyIsAnsweredOnce(t *testing.T) {
	calls := 0
	ask := asker(t, func(_ context.Context, q Question) (Answer, error) {
		calls++
		if q.Slide != slideB || q.Run != runID {
			t.Errorf("asked about %+v", q)
		}
		return Answer{fmt.Appendf(nil, "picture of %d,%d", q.X, q.Y), "p 50 %, µ", [4]float64{1.5, 2, 300000, 4}}, nil
	})
	first, again := ask("?x=100&y=200"), ask("?x=101&y=201")
	if first.Code != 200 || first.Header().Get("Content-Type") != "image/png" || !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) {
		t.Errorf("%d %s, then %s", first.Code, first.Body, again.Body)
	}
	for _, w := range []*httptest.ResponseRecorder{first, again} {
		if said := w.Header().Get("Slidemill-Said"); said != "p%2050%20%25%2C%20%C2%B5" {
			t.Errorf("said %q", said)
		}
		if window := w.Header().Get("Slidemill-Window"); window != "1.5 2 300000 4" {
			t.Errorf("window %q", window)
		}
	}
	if calls != 1 {
		t.Errorf("%d explanations were made", calls)
	}
	for i := range keptReasons + 1 {
		ask(fmt.Sprintf("?x=%d&y=0", 1000+i*grain))
	}
	if ask("?x=100&y=200"); calls != keptReasons+3 {
		t.Errorf("%d explanations were made: the oldest should have been forgotten", calls)
	}
}

// TestWhyIsAskedOneAtATime: a second question is sent away while the first is being answered.
func TestWhyIsAskedOneAtATime(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	ask := asker(t, func(context.Context, Question) (Answer, error) {
		close(begun)
		<-end
		return Answer{PNG: []byte("late")}, nil
	})
	done := make(chan int)
	go func() { done <- ask("?x=1&y=1").Code }()
	<-begun
	if w := ask("?x=900&y=1"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(end)
	if code := <-done; code != 200 {
		t.Errorf("the first question got %d", code)
	}
}

func TestWhyRefuses(t *testing.T) {
	ask := asker(t, func(context.Context, Question) (Answer, error) {
		return Answer{}, fmt.Errorf("%w: the run is of another model", ErrCannotExplain)
	})
	for query, want := range map[string]string{"": "whole number", "?x=-1&y=2": "whole number", "?x=1e9&y=2": "whole number", "?x=1&y=2": "another model"} {
		if w := ask(query); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	}
	if w := asker(t, nil)("?x=1&y=2"); w.Code == 200 {
		t.Errorf("a viewer that cannot explain answered %s", w.Body)
	}
}
