package viewer

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/store/szi"
)

var (
	slideA = pyramid.SlideID{1}
	slideB = pyramid.SlideID{2}
	slideC = pyramid.SlideID{3}
	runID  = pyramid.RunID{9}
)

// shelf holds a finished slide with little carcinoma, one with much, and one that was only tiled.
func shelf(t *testing.T) *mem.Bucket {
	t.Helper()
	b := mem.New()
	for id, score := range map[pyramid.SlideID]string{slideA: "0.2", slideB: "0.9"} {
		keys := store.Slide(id).Run(runID)
		put(t, b, keys.Manifest(), `{}`)
		put(t, b, keys.Report(), `{"status":"done","triage":{"score":`+score+`,"rank_reason":"why"},"carcinoma_mm2":1.5,"lesions":[{},{}]}`)
	}
	put(t, b, store.Slide(slideC).Manifest(), `{}`)
	put(t, b, store.Slide(slideB).PyramidTile(pyramid.Tile{Level: 1}), "jpeg bytes")
	return b
}

func put(t *testing.T, b store.Bucket, key, text string) {
	t.Helper()
	if err := b.Put(t.Context(), key, strings.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, b store.Bucket, path string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := New(Config{Bucket: b, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func worklist(t *testing.T, b store.Bucket) []Entry {
	t.Helper()
	w := get(t, b, "/api/v1/worklist")
	var entries []Entry
	if err := json.Unmarshal(w.Body.Bytes(), &entries); err != nil {
		t.Fatalf("%d: %v: %s", w.Code, err, w.Body)
	}
	return entries
}

func TestWorklistPutsFirstWhatNeedsAPerson(t *testing.T) {
	entries := worklist(t, shelf(t))
	if len(entries) != 3 || entries[0].Slide != slideB || entries[1].Slide != slideA || entries[2].State != "tiled" {
		t.Errorf("order %+v", entries)
	}
	if e := entries[0]; e.State != "done" || *e.Lesions != 2 || *e.Carcinoma != 1.5 || e.Rank != "why" {
		t.Errorf("entry %+v", e)
	}
}

// A slide that is done and was not looked at says so, in the words that it is given; one whose report makes no sense to whom
// it is given needs a person.
func TestWorklistSaysWhatIsNoStatement(t *testing.T) {
	b := shelf(t)
	put(t, b, store.Slide(slideC).Run(runID).Manifest(), `{}`)
	put(t, b, store.Slide(slideC).Run(runID).Report(), `{"status":"done","lesions":[]}`)
	v := &viewer{Config{Bucket: b, Log: slog.New(slog.DiscardHandler), NoStatement: func(report []byte) (string, error) {
		switch {
		case strings.Contains(string(report), "0.9"):
			return "all out of focus", nil
		case strings.Contains(string(report), "0.2"):
			return "", nil
		}
		return "", errors.New("no areas")
	}}}
	answer, err := v.worklist(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	got := map[pyramid.SlideID]string{}
	for _, e := range answer.([]Entry) {
		got[e.Slide] = strings.TrimSpace(e.State + " " + e.NoStatement)
	}
	if want := map[pyramid.SlideID]string{slideA: "done", slideB: "done all out of focus", slideC: "failed"}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, file := range []string{"web/worklist.js", "openapi.json"} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), "no_statement") {
			t.Errorf("%s knows nothing of it: %v", file, err)
		}
	}
}

// TestOneBadReportHidesNoOther: it stands at the top as failed, the others are there.
func TestOneBadReportHidesNoOther(t *testing.T) {
	b := shelf(t)
	put(t, b, store.Slide(slideA).Run(runID).Report(), `{"status":"do`)
	entries := worklist(t, b)
	if len(entries) != 3 || entries[0].Slide != slideA || entries[0].State != "failed" || entries[1].Slide != slideB {
		t.Errorf("entries %+v", entries)
	}
}

func TestPaths(t *testing.T) {
	b := shelf(t)
	put(t, b, "secret.txt", "not for the web")
	tile := "/slides/" + slideB.String() + "/pyramid_files/1/0_0.jpeg"
	for _, c := range []struct {
		path string
		code int
		want string
	}{
		{"/", 200, "Worklist"},
		{"/healthz", 200, "ok"},
		{"/readyz", 200, "ready"},
		{"/static/slide.js", 200, "OpenSeadragon"},
		{"/slides/" + slideB.String(), 200, "Slide"},
		{tile, 200, "jpeg bytes"},
		{"/slides/" + slideB.String() + "/pyramid_files/1/5_5.jpeg", 404, "not found"},
		{"/slides/" + slideB.String() + "/../../secret.txt", 307, ""},
		{"/slides/" + slideB.String() + "/%2e%2e/%2e%2e/secret.txt", 400, "key"},
		{"/slides/x/secret.txt", 400, "key"},
		{"/api/v1/slides/nonsense", 400, "slide id"},
		{"/api/v1/slides/" + (pyramid.SlideID{7}).String(), 404, "not found"},
		{"/api/v1/slides/" + slideC.String(), 200, `"runs":[]`},
		{"/api/v1/slides/" + slideB.String() + "/runs/" + runID.String(), 200, `"score":0.9`},
	} {
		w := get(t, b, c.path)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %.200s, want %d with %q", c.path, w.Code, w.Body, c.code, c.want)
		}
		if w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no content security policy", c.path)
		}
	}
	if got := get(t, b, tile).Header(); got.Get("Content-Type") != "image/jpeg" || !strings.Contains(got.Get("Cache-Control"), "immutable") {
		t.Errorf("a tile comes with %v", got)
	}
}

// TestPackedRun: tiles and descriptors of a run are served the same from its archives.
func TestPackedRun(t *testing.T) {
	inner := mem.New()
	keys := store.Slide(slideA).Run(runID)
	put(t, inner, keys.OverlayDZI(), "<Image/>")
	tile := pyramid.Tile{Level: 2, Col: 1}
	for _, archive := range []string{keys.ProbabilityArchive(), keys.OverlayArchive()} {
		u, err := szi.Create(t.Context(), inner, archive, szi.Image{Folder: szi.Folder(archive), Format: "png", Descriptor: []byte("<Image/>")})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(u.Add(tile, []byte("tile of "+szi.Folder(archive))), u.Commit()); err != nil {
			t.Fatal(err)
		}
	}
	b := szi.New(inner)
	for key, want := range map[string][2]string{
		keys.ProbabilityTile(tile):                  {"image/png", "tile of probability"},
		keys.OverlayTile(tile):                      {"image/png", "tile of overlay"},
		keys.OverlayDZI():                           {"application/xml", "<Image/>"},
		keys.OverlayTile(pyramid.Tile{Level: 9}):    {"", ""},
		keys.ProbabilityTile(pyramid.Tile{Col: 70}): {"", ""},
	} {
		w := get(t, b, "/"+key)
		if want[0] == "" && w.Code == 404 {
			continue
		}
		if w.Code != 200 || w.Header().Get("Content-Type") != want[0] || w.Body.String() != want[1] {
			t.Errorf("%s: %d %s %.200s, want %v", key, w.Code, w.Header().Get("Content-Type"), w.Body, want)
		}
	}
}
