package viewer

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// slideBrowser is as much of a browser as the slide's page needs, with a picture that opens at once. It prints the notice, what
// is said of an earlier order, and whether the part that shows a result is hidden.
const slideBrowser = `
class Element {
  constructor(hidden) { this.hidden = hidden; }
  children = []; style = {}; textContent = ""; value = 100; checked = true;
  setAttribute() {}
  addEventListener() {}
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
}
const byID = {};
const known = (id) => (byID[id] ??= new Element(HIDDEN.includes(id)));
globalThis.document = { getElementById: known, createElement: () => new Element(false), addEventListener() {} };
globalThis.location = { pathname: "/slides/SLIDE", hash: "HASH" };
globalThis.addEventListener = () => {};
const layer = { setOpacity() {} };
globalThis.OpenSeadragon = () => ({
  addHandler() {}, addOnceHandler: (name, then) => then(),
  addTiledImage: (image) => image.success({ item: layer }), world: { getItemAt() {} },
});
const answers = ANSWERS;
globalThis.fetch = async (path) => (path in answers ? { ok: true, json: async () => answers[path] } : { ok: false, status: 404, text: async () => "not found" });
process.on("exit", () => {
  const text = (id) => (known(id).hidden ? "" : known(id).textContent);
  console.log(JSON.stringify({ notice: text("notice"), earlier: text("earlier"), hidden: known("result").hidden }));
});
`

// slidePage is what the slide's page shows.
type slidePage struct {
	Notice  string `json:"notice"`
	Earlier string `json:"earlier"`
	Hidden  bool   `json:"hidden"` // there is no result to show
}

// openSlidePage opens the page of a slide, with the run in its address if that is not "", before the API of a viewer.
func openSlidePage(t *testing.T, v *viewer, id pyramid.SlideID, run string) (p slidePage) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node, which the page's script is run with")
	}
	path := "/api/v1/slides/" + id.String()
	view := answered[map[string]any](t, v, path)
	answers := map[string]any{path: view}
	for _, run := range view["runs"].([]any) {
		path := path + "/runs/" + run.(string)
		answers[path] = answered[map[string]any](t, v, path)
	}
	data, err := json.Marshal(answers)
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := json.Marshal(hiddenAtFirst(t))
	if err != nil {
		t.Fatal(err)
	}
	if run != "" {
		run = "#" + run
	}
	script := strings.NewReplacer("ANSWERS", string(data), "HIDDEN", string(hidden), "SLIDE", id.String(), "HASH", run).Replace(slideBrowser)
	out := runScript(t, node, script+scripts(t, "web/page.js", "web/scalebar.js", "web/slide.js"))
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return p
}

// hiddenAtFirst are the elements that the page hides until its script shows them.
func hiddenAtFirst(t *testing.T) (ids []string) {
	t.Helper()
	for _, tag := range regexp.MustCompile(`<[^>]* id="([a-z-]+)"[^>]* hidden>`).FindAllStringSubmatch(slideHTML(t), -1) {
		ids = append(ids, tag[1])
	}
	return ids
}

func slideHTML(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("web/slide.html")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ordersViewer has a bucket and orders.
func ordersViewer(b store.Bucket, orders ...Entry) *viewer {
	return &viewer{Config{Bucket: b, Log: slog.New(slog.DiscardHandler), Orders: func(context.Context) ([]Entry, error) { return orders, nil }}}
}

// TestSlidePageOfAnOrderInVain: no result will come of an order that has ended without one. Its page says so, and not "yet".
func TestSlidePageOfAnOrderInVain(t *testing.T) {
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	again := "No result will come of it. To order it again: “slidemill submit FILE”"
	for name, c := range map[string]struct {
		order Entry
		want  []string
	}{
		"why":      {Entry{State: "cancelled", Reason: "wrong block", Ended: at, File: "c.svs"}, []string{"was cancelled on ", "2026", ": wrong block. ", again + ", FILE being the path of c.svs."}},
		"who":      {Entry{State: "cancelled", Reason: "cancelled by a person", Ended: at}, []string{"was cancelled by a person on ", "2026", again + "."}},
		"failed":   {Entry{State: "failed", Reason: "no room (technical: disk)"}, []string{"failed: no room. ", again}},
		"replaced": {Entry{State: "replaced", Reason: "another file lies there"}, []string{"was replaced: another file lies there. No result will come of it."}},
	} {
		c.order.Slide, c.order.Run = slideC, runID.String()
		v := ordersViewer(tiled(t), c.order)
		for _, run := range []string{"", runID.String()} {
			p := openSlidePage(t, v, slideC, run)
			for _, want := range c.want {
				if !strings.Contains(p.Notice, want) {
					t.Errorf("%s: %q is not in %q", name, want, p.Notice)
				}
			}
			if strings.Contains(p.Notice, "yet") || strings.Contains(p.Notice, "technical") || !p.Hidden {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if name == "replaced" && strings.Contains(openSlidePage(t, v, slideC, "").Notice, "order it again") {
			t.Error("what was replaced is to be ordered again")
		}
	}
	if p := openSlidePage(t, ordersViewer(tiled(t), Entry{Slide: slideC, State: "segment"}), slideC, ""); p.Notice != "This slide has not been segmented yet." || !p.Hidden {
		t.Errorf("in work: %+v", p)
	}
}

// TestSlidePageWithoutPicture: an order can end before there is a picture, and be waited for in vain all the same.
func TestSlidePageWithoutPicture(t *testing.T) {
	id := pyramid.SlideID{7}
	p := openSlidePage(t, ordersViewer(shelf(t), Entry{Slide: id, State: "cancelled", Reason: "wrong block"}), id, "")
	if !strings.HasPrefix(p.Notice, "This slide has no picture. The order of this slide was cancelled: wrong block.") || !p.Hidden {
		t.Errorf("%+v", p)
	}
	p = openSlidePage(t, ordersViewer(shelf(t), Entry{Slide: id, State: "tile", Reason: "3 of 9 tiles"}), id, "")
	if p.Notice != "This slide has no picture yet: 3 of 9 tiles." {
		t.Errorf("in work: %+v", p)
	}
}

// TestSlidePageOfAnEarlierRun: what is shown is of an earlier order, and that no other will come is said beside it.
func TestSlidePageOfAnEarlierRun(t *testing.T) {
	for state, want := range map[string]string{
		"cancelled": "The slide was ordered last as S26-2; that order was cancelled.", "segment": "The slide was ordered last as S26-2.",
	} {
		v := ordersViewer(finished(t), Entry{Slide: slideC, Run: "0000000000000001", State: state, Accession: "S26-2"})
		if p := openSlidePage(t, v, slideC, ""); p.Earlier != "A result of an earlier order. "+want || p.Notice != "" || p.Hidden {
			t.Errorf("%s: %+v", state, p)
		}
	}
}

// tiled is a shelf whose tiled slide has a picture that a page can open.
func tiled(t *testing.T) store.Bucket {
	b := shelf(t)
	put(t, b, store.Slide(slideC).Manifest(), `{"sha256":"x","info":{"mpp":{"x":0.5}}}`)
	return b
}

// finished is a shelf on which the tiled slide has a result, too.
func finished(t *testing.T) store.Bucket {
	b := tiled(t)
	keys := store.Slide(slideC).Run(runID)
	put(t, b, keys.Manifest(), `{"slide_sha256":"x","alignment":{"width":1}}`)
	put(t, b, keys.Report(), `{"status":"done","slide":{"mpp":0.5,"mpp_source":"file"},"run":{"id":"9","model":{"name":"m"},"parameters":{"threshold":0.5}},
		"carcinoma_mm2":1,"carcinoma_fraction":0.5,"analysed_mm2":2,"not_analysed_mm2":0,"lesions":[]}`)
	return b
}

// TestSlidePageWithoutResult: overlay, quality control and areas stand in the part that is shown only with a result.
func TestSlidePageWithoutResult(t *testing.T) {
	_, rest, ok := strings.Cut(slideHTML(t), `<div id="result" hidden>`)
	inside, _, _ := strings.Cut(rest, "</div>")
	for _, id := range []string{"show", "opacity", "legend", "why", "checks", "lesions", "provenance", "links"} {
		if !ok || !strings.Contains(inside, `id="`+id+`"`) {
			t.Errorf("%s is shown without a result", id)
		}
	}
	b := finished(t)
	if p := openSlidePage(t, ordersViewer(b), slideC, ""); p.Hidden || p.Notice != "" {
		t.Errorf("done: %+v", p)
	}
	put(t, b, store.Slide(slideC).Run(pyramid.RunID{10}).Manifest(), `{}`)
	put(t, b, store.Slide(slideC).Run(pyramid.RunID{10}).Report(), `{"status":"failed","reason":"no tile could be read"}`)
	p := openSlidePage(t, ordersViewer(b), slideC, pyramid.RunID{10}.String())
	if !p.Hidden || !strings.Contains(p.Notice, "failed: no tile could be read.") {
		t.Errorf("failed: %+v", p)
	}
}

// TestSlideOfAnOrderInVain: the API says of a slide how its order ended, as the worklist does, also of one whose result is gone.
func TestSlideOfAnOrderInVain(t *testing.T) {
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	v := ordersViewer(shelf(t), Entry{Slide: slideC, Run: runID.String(), State: "cancelled", Reason: "wrong block", Ended: at},
		Entry{Slide: slideA, Run: "0000000000000001", State: "done"}, Entry{Slide: slideB, Run: runID.String(), State: "done"})
	lines := map[any]any{}
	for _, e := range answered[[]map[string]any](t, v, "/api/v1/worklist") {
		if e["earlier"] != true {
			lines[e["slide"]] = e["state"]
		}
	}
	for id, want := range map[pyramid.SlideID]string{slideA: "failed", slideB: "done", slideC: "cancelled"} {
		order := answered[map[string]any](t, v, "/api/v1/slides/"+id.String())["order"].(map[string]any)
		if order["state"] != want || lines[id.String()] != want {
			t.Errorf("%v: %v on its page and %v on the worklist, want %s", id, order["state"], lines[id.String()], want)
		}
		if id == slideC && (order["reason"] != "wrong block" || order["ended"] != "2026-03-14T12:00:00Z") {
			t.Errorf("why and when are not there: %v", order)
		}
	}
}
