package viewer

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// spec is the part of openapi.json that the tests hold against the handlers.
type spec struct {
	Paths      map[string]map[string]any `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Required   []string       `json:"required"`
			Properties map[string]any `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

func readSpec(t *testing.T) (s spec) {
	t.Helper()
	data, err := fs.ReadFile(api, "openapi.json")
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOpenAPIHasEveryRoute: each path of the API is described, and nothing else is.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	var want, got []string
	for pattern := range (&viewer{}).routes(web) {
		if path, ok := strings.CutPrefix(pattern, "GET "); ok && strings.HasPrefix(path, "/api/") {
			want = append(want, path)
		} else if strings.Contains(pattern, "/api/") {
			t.Errorf("%s: the test knows only GET: teach it more", pattern)
		}
	}
	for path, methods := range readSpec(t).Paths {
		got = append(got, path)
		if _, ok := methods["get"]; !ok || len(methods) != 1 {
			t.Errorf("%s: methods %v, want get", path, methods)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestOpenAPIHasEveryField: what the handlers answer has the fields that are described, and those that
// are required.
func TestOpenAPIHasEveryField(t *testing.T) {
	s := readSpec(t)
	b := shelf(t)
	put(t, b, store.Slide(slideB).Manifest(), `{"id":"x"}`)
	h, err := New(Config{Bucket: b, Log: slog.New(slog.DiscardHandler), Orders: func(context.Context) ([]Entry, error) {
		return []Entry{{Slide: slideB, Run: runID.String(), State: "done", File: "b.svs", Accession: "S26-1", Priority: "stat", Late: true}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string, into any) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		if err := json.Unmarshal(w.Body.Bytes(), into); w.Code != 200 || err != nil {
			t.Fatalf("%s: %d %v", path, w.Code, err)
		}
	}
	check := func(schema string, value map[string]any) {
		t.Helper()
		described := s.Components.Schemas[schema]
		for name := range value {
			if _, ok := described.Properties[name]; !ok {
				t.Errorf("%s: field %s is not described", schema, name)
			}
		}
		for _, name := range described.Required {
			if _, ok := value[name]; !ok {
				t.Errorf("%s: required field %s is not there", schema, name)
			}
		}
	}
	var list []map[string]any
	ask("/api/v1/worklist", &list)
	for _, e := range list {
		check("Entry", e)
	}
	if first := list[0]; first["file"] != "b.svs" || first["late"] != true || first["accession"] != "S26-1" {
		t.Errorf("the late slide is not first, or without its names: %v", first)
	}
	var one map[string]any
	ask("/api/v1/slides/"+slideB.String(), &one)
	check("Slide", one)
	check("Entry", one["order"].(map[string]any))
	one = nil
	ask("/api/v1/slides/"+slideB.String()+"/runs/"+runID.String(), &one)
	check("Run", one)
	one = nil
	ask("/api/v1/openapi.json", &one)
}

// TestOrdersWithoutResult: what waits or was refused is one line, however much of it is in the store.
func TestOrdersWithoutResult(t *testing.T) {
	v := &viewer{Config{Bucket: shelf(t), Log: slog.New(slog.DiscardHandler), Orders: func(context.Context) ([]Entry, error) {
		return []Entry{
			{Slide: slideC, State: "segment", Reason: "3 of 9 regions", File: "c.svs"}, // tiled in the store
			{Slide: pyramid.SlideID{7}, State: "refused", Reason: "no scale"},
			{Slide: slideA, Run: "other", State: "failed", Reason: "again"},
		}, nil
	}}}
	answer, err := v.worklist(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	states := map[string][]string{}
	for _, e := range answer.([]Entry) {
		states[e.Slide.String()[:2]] = append(states[e.Slide.String()[:2]], e.State)
	}
	want := map[string][]string{"01": {"failed", "done"}, "02": {"done"}, "03": {"segment"}, "07": {"refused"}}
	if d := cmp.Diff(want, states); d != "" {
		t.Error(d)
	}
}

// TestRanges: parts, heads and whole files are the same bytes.
func TestRanges(t *testing.T) {
	b := shelf(t)
	h, err := New(Config{Bucket: b, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, store.Slide(slideB).Run(runID).Mask(), "0123456789")
	path := "/" + store.Slide(slideB).Run(runID).Mask()
	for _, c := range []struct {
		method, ask string
		code        int
		body, size  string
	}{
		{"GET", "", 200, "0123456789", "10"},
		{"HEAD", "", 200, "", "10"},
		{"GET", "bytes=2-4", 206, "234", "3"},
		{"GET", "bytes=-3", 206, "789", "3"},
		{"GET", "bytes=7-99", 206, "789", "3"},
		{"GET", "bytes=99-", 416, "", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, path, nil)
		if c.ask != "" {
			r.Header.Set("Range", c.ask)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.code || c.body != "" && w.Body.String() != c.body || c.size != "" && w.Header().Get("Content-Length") != c.size {
			t.Errorf("%s %s: %d %q %v", c.method, c.ask, w.Code, w.Body, w.Header())
		}
	}
}

// TestEvents: a follower that comes back hears what it missed, one that stayed away too long is told.
func TestEvents(t *testing.T) {
	feed := NewFeed()
	h, err := New(Config{Bucket: shelf(t), Feed: feed, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Gate{}.Wrap(h))
	defer server.Close()
	follow := func(last, query string, lines int) (got []string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/v1/events"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Last-Event-ID", last)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		in := bufio.NewScanner(res.Body)
		for len(got) < lines && in.Scan() {
			if line := in.Text(); line != "" && !strings.HasPrefix(line, ":") {
				got = append(got, line)
			}
		}
		return got
	}
	for i := range 3 {
		feed.Add(pyramid.SlideID{byte(i)}, "progress", []byte(`{"n":`+string(rune('0'+i))+`}`))
	}
	first := strings.TrimPrefix(follow("1-0", "", 2)[0], "event: ")
	if first != "lost" {
		t.Errorf("an id of another process: %q", first)
	}
	id := func(n string) string { return fmt.Sprintf("%d-%s", feed.epoch, n) }
	if got := follow(id("0"), "", 6); !slices.Contains(got, `data: {"n":1}`) || !slices.Contains(got, `data: {"n":2}`) || slices.Contains(got, `data: {"n":0}`) {
		t.Errorf("after 0: %q", got)
	}
	if got := follow(id("0"), "?slide="+(pyramid.SlideID{2}).String(), 3); !slices.Contains(got, `data: {"n":2}`) || slices.Contains(got, `data: {"n":1}`) {
		t.Errorf("of one slide: %q", got)
	}
	for range feedLength {
		feed.Add(pyramid.SlideID{9}, "progress", []byte("{}"))
	}
	if got := follow(id("1"), "", 2); got[0] != "event: lost" {
		t.Errorf("after a long absence: %q", got)
	}
}

// TestEventsAreBounded: as many follow as may; one more is told when to come again, and is let in when another left.
func TestEventsAreBounded(t *testing.T) {
	h, err := New(Config{Bucket: shelf(t), Feed: NewFeed(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Gate{}.Wrap(h))
	defer server.Close()
	follow := func() (*http.Response, context.CancelFunc) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res, cancel
	}
	var leave context.CancelFunc
	for i := range maxFollowers {
		res, cancel := follow()
		defer res.Body.Close()
		defer cancel()
		if leave = cancel; res.StatusCode != 200 {
			t.Fatalf("follower %d: %d", i, res.StatusCode)
		}
	}
	res, cancel := follow()
	defer cancel()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "come again") {
		t.Fatalf("one too many: %d %v %s", res.StatusCode, res.Header, text)
	}
	res.Body.Close()
	leave()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		res, cancel := follow()
		res.Body.Close()
		cancel()
		if res.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody is let in after one has left")
		}
	}
}

// TestNoResultHasNoFigures: whatever has no result has no area, share, count or score, in no answer: a 0 would make it a slide
// without carcinoma. Of a result that is no statement only what was found is there.
func TestNoResultHasNoFigures(t *testing.T) {
	b := shelf(t)
	unread, dull, striking := pyramid.SlideID{11}, pyramid.SlideID{12}, pyramid.SlideID{13}
	for id, report := range map[pyramid.SlideID]string{
		slideA:   `{"status":"failed","reason":"no","triage":{"score":1,"rank_reason":"not analysed"},"lesions":[]}`,
		unread:   `{"status":"do`,
		dull:     `{"status":"done","reason":"blank","tissue_mm2":2,"lesions":[]}`,
		striking: `{"status":"done","reason":"blank","tissue_mm2":2,"carcinoma_mm2":1,"lesions":[{}]}`,
	} {
		put(t, b, store.Slide(id).Run(runID).Manifest(), `{}`)
		put(t, b, store.Slide(id).Run(runID).Report(), report)
	}
	v := &viewer{Config{Bucket: b, Log: slog.New(slog.DiscardHandler), Orders: func(context.Context) ([]Entry, error) {
		return []Entry{{Slide: pyramid.SlideID{7}, State: "refused"}, {Slide: pyramid.SlideID{8}, State: "waiting"}, {Slide: slideB, Run: runID.String(), State: "done"}}, nil
	}, NoStatement: func(report []byte) (string, error) {
		if strings.Contains(string(report), "blank") {
			return "all out of focus", nil
		}
		return "", nil
	}}}
	all := "carcinoma_fraction carcinoma_mm2 lesions not_analysed_mm2 scored_mm2 tissue_mm2 uncertain_mm2 score rank_reason"
	unlooked := "not_analysed_mm2 scored_mm2 tissue_mm2 uncertain_mm2 score"
	want := map[pyramid.SlideID]string{slideB: all, dull: unlooked, striking: "carcinoma_mm2 lesions " + unlooked}
	list := answered[[]map[string]any](t, v, "/api/v1/worklist")
	if len(list) != 8 {
		t.Fatalf("%d entries: %v", len(list), list)
	}
	for _, e := range list {
		id, err := pyramid.ParseSlideID(e["slide"].(string))
		if err != nil {
			t.Fatal(err)
		}
		checkFigures(t, e, all, want[id])
	}
	for _, id := range []pyramid.SlideID{{7}, {8}, slideB} { // an order is no result, even if it has one
		checkFigures(t, answered[map[string]any](t, v, "/api/v1/slides/"+id.String())["order"].(map[string]any), all, "")
	}
}

// TestOrderWithoutItsResult: a line that is done has its figures, though the order was done when it was looked at last: the
// report cannot be read, or the result was taken back since, with the slide or without.
func TestOrderWithoutItsResult(t *testing.T) {
	b := shelf(t)
	put(t, b, store.Slide(slideA).Run(runID).Report(), `{"status":"do`)
	gone := pyramid.SlideID{7}
	v := &viewer{Config{Bucket: b, Log: slog.New(slog.DiscardHandler), Orders: func(context.Context) (all []Entry, err error) {
		for _, id := range []pyramid.SlideID{slideA, slideC, gone} {
			all = append(all, Entry{Slide: id, Run: runID.String(), State: "done", Accession: "S26-1", Priority: "stat"})
		}
		return all, nil
	}}}
	got := map[pyramid.SlideID]string{}
	for _, e := range answered[[]Entry](t, v, "/api/v1/worklist") {
		got[e.Slide] += fmt.Sprintf("%s %s %s %v %v;", e.State, e.Accession, e.Priority, e.Counts, e.Found != nil)
		if e.State == "failed" && e.Reason == "" {
			t.Errorf("%v does not say why", e.Slide)
		}
	}
	want := map[pyramid.SlideID]string{
		slideA: "failed S26-1 stat true false;", slideB: "done   false true;",
		slideC: "failed S26-1 stat false false;", gone: "failed S26-1 stat false false;",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// checkFigures compares which of some figures an entry has.
func checkFigures(t *testing.T, e map[string]any, all, want string) {
	t.Helper()
	for _, name := range strings.Fields(all) {
		if _, has := e[name]; has != slices.Contains(strings.Fields(want), name) {
			t.Errorf("%v is %v and has %s: %v", e["slide"], e["state"], name, has)
		}
	}
}

// answered is what the API says.
func answered[T any](t *testing.T, v *viewer, path string) (value T) {
	t.Helper()
	h, err := New(v.Config)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	if err := json.Unmarshal(w.Body.Bytes(), &value); err != nil || w.Code != 200 {
		t.Fatalf("%s: %d %v", path, w.Code, err)
	}
	return value
}

// TestEarlierRuns: a run of an earlier order is marked, as the names are those of the last.
func TestEarlierRuns(t *testing.T) {
	found := []Entry{{Run: "old", State: "done"}, {Run: "new", State: "done"}}
	order := Entry{Run: "new", State: "done", File: "b.svs", Accession: "S26-2", Priority: "stat"}
	for _, e := range merge(found, order) {
		if e.Earlier != (e.Run == "old") || e.Counts == e.Earlier || (e.Priority == "stat") != (e.Run == "new") || e.Accession != "S26-2" {
			t.Errorf("%+v", e)
		}
	}
	order.State = "stitch" // when it was looked at last
	if got := merge(found, order); len(got) != 2 || !got[0].Earlier || !got[1].Counts || got[1].Earlier || got[1].State != "done" {
		t.Errorf("before the next look: %+v", got)
	}
	order.Run, order.State = "", "segment"
	for _, e := range merge(found, order)[:2] {
		if !e.Earlier || e.Counts {
			t.Errorf("while the slide is worked on anew: %+v", e)
		}
	}
}

// TestEarlierRunsBelow: an earlier run stands below what counts of its slide, whatever its score; runs that nobody ordered
// are all there.
func TestEarlierRunsBelow(t *testing.T) {
	other := pyramid.RunID{1}
	b := shelf(t)
	for _, run := range []pyramid.RunID{other, {2}} {
		put(t, b, store.Slide(slideA).Run(run).Manifest(), `{}`)
		put(t, b, store.Slide(slideA).Run(run).Report(), `{"status":"done","triage":{"score":0.99},"lesions":[]}`)
	}
	put(t, b, store.Slide(slideB).Run(other).Manifest(), `{}`)
	put(t, b, store.Slide(slideB).Run(other).Report(), `{"status":"done","triage":{"score":0.95},"lesions":[]}`)
	v := &viewer{Config{Bucket: b, Log: slog.New(slog.DiscardHandler), Orders: func(context.Context) ([]Entry, error) {
		return []Entry{{Slide: slideA, Run: runID.String(), State: "done"}, {Slide: slideC, State: "waiting"}}, nil
	}}}
	answer, err := v.worklist(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range answer.([]Entry) {
		got = append(got, fmt.Sprint(e.Slide[0], " ", e.score(), " ", e.Counts, " ", e.Earlier))
	}
	want := []string{"2 0.95 false false", "2 0.9 false false", "1 0.2 true false", "1 0.99 false true", "1 0.99 false true", "3 0 false false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for file, words := range map[string]string{"web/worklist.js": "earlier run", "openapi.json": `"counts"`} {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), words) {
			t.Errorf("%s says nothing of it: %v", file, err)
		}
	}
}

// TestLongAgoOrdered: of several runs the one that counts is known long after the order is no news any more, and none of
// them is lost where it is not there; where no order says which it is nothing is said.
func TestLongAgoOrdered(t *testing.T) {
	b := shelf(t)
	for _, id := range []pyramid.SlideID{slideA, slideB, slideC} {
		for _, run := range []pyramid.RunID{{1}, runID} {
			put(t, b, store.Slide(id).Run(run).Manifest(), `{}`)
			put(t, b, store.Slide(id).Run(run).Report(), `{"status":"done","lesions":[]}`)
		}
	}
	v := &viewer{Config{Bucket: b, Log: slog.New(slog.DiscardHandler), OrderedRun: func(_ context.Context, id pyramid.SlideID) (pyramid.RunID, error) {
		return map[pyramid.SlideID]pyramid.RunID{slideA: runID, slideB: {7}}[id], nil
	}}}
	got := map[string]string{}
	for _, e := range answered[[]Entry](t, v, "/api/v1/worklist") {
		got[fmt.Sprint(e.Slide[0])] += fmt.Sprintf("%.2s %v %v;", e.Run, e.Counts, e.Earlier)
	}
	want := map[string]string{"1": "09 true false;01 false true;", "2": "01 false true;09 false true;", "3": "01 false false;09 false false;"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for id, want := range map[pyramid.SlideID]string{slideA: runID.String(), slideC: ""} {
		put(t, b, store.Slide(id).Manifest(), `{}`)
		if view := answered[slideView](t, v, "/api/v1/slides/"+id.String()); view.Counts != want {
			t.Errorf("the page of slide %v has the run %q, want %q", id, view.Counts, want)
		}
	}
}

// TestGate: only under our names, only with the token, health apart.
func TestGate(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "in") })
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") }
	basic := func(r *http.Request) { r.SetBasicAuth("anybody", "secret") }
	wrong := func(r *http.Request) { r.SetBasicAuth("anybody", "guess") }
	none := func(*http.Request) {}
	for _, c := range []struct {
		gate Gate
		url  string
		with func(*http.Request)
		code int
	}{
		{Gate{}, "http://127.0.0.1:8080/", none, 200},
		{Gate{}, "http://localhost:8080/", none, 200},
		{Gate{}, "http://[::1]:8080/", none, 200},
		{Gate{}, "http://evil.example/", none, 421},
		{Gate{Hosts: []string{"slides.lab"}}, "http://Slides.lab:8080/", none, 200},
		{Gate{Token: "secret"}, "http://localhost/", none, 401},
		{Gate{Token: "secret"}, "http://localhost/", wrong, 401},
		{Gate{Token: "secret"}, "http://localhost/", bearer, 200},
		{Gate{Token: "secret"}, "http://localhost/", basic, 200},
		{Gate{Token: "secret"}, "http://localhost/healthz", none, 200},
		{Gate{Token: "secret"}, "http://localhost/metrics", none, 401},
		{Gate{Token: "secret"}, "http://evil.example/", bearer, 421},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", c.url, nil)
		c.with(r)
		w := httptest.NewRecorder()
		c.gate.Wrap(ok).ServeHTTP(w, r)
		if w.Code != c.code {
			t.Errorf("%+v %s: %d, want %d", c.gate, c.url, w.Code, c.code)
		}
	}
}
