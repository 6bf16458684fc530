package viewer

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// browser is as much of one as the worklist's page needs; what stands there in the end it prints.
const browser = `
class Element {
  children = []; style = {}; textContent = "";
  setAttribute() {}
  addEventListener() {}
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  text() { return this.textContent + this.children.map((c) => c.text?.() ?? c).join(" "); }
}
const byID = { slides: new Element(), summary: new Element() };
globalThis.document = { getElementById: (id) => byID[id], createElement: () => new Element() };
globalThis.setInterval = () => {};
globalThis.fetch = async () => ({ ok: true, json: async () => ENTRIES });
process.on("exit", () => console.log([byID.summary, ...byID.slides.children].map((e) => e.text()).join("\n")));
`

// worklistPage is the text of the worklist's page: its summary, then a line for each entry.
func worklistPage(t *testing.T, entries any) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node, which the page's script is run with")
	}
	data, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	script := strings.Replace(browser, "ENTRIES", string(data), 1) + scripts(t, "web/page.js", "web/worklist.js")
	return strings.Split(runScript(t, node, script), "\n")
}

// scripts are some of the pages' as one.
func scripts(t *testing.T, files ...string) (script string) {
	t.Helper()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "import ") {
				script += strings.TrimPrefix(line, "export ")
			}
		}
	}
	return script
}

func runScript(t *testing.T, node, script string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), node, "-e", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestPageWithoutFigures: an entry without figures hides no other, even if it is done.
func TestPageWithoutFigures(t *testing.T) {
	area := 1.5
	lines := worklistPage(t, []Entry{{Slide: slideA, State: "done"}, {Slide: slideB, State: "done", Found: &Found{Carcinoma: &area}}})
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "2 slides") || !strings.Contains(lines[1], "areas not known") ||
		!strings.Contains(strings.ReplaceAll(lines[2], "\u00a0", " "), "1.50 mm²") {
		t.Errorf("%q", lines)
	}
}

// TestPageOfAnOrderInVain: a run does not count because of a later order; where that ended without a result it is said how.
func TestPageOfAnOrderInVain(t *testing.T) {
	for state, want := range map[string]string{
		"cancelled": "anew since, as S26-2; that order was cancelled", "failed": "anew since, as S26-2; that order failed",
		"segment": "anew since, as S26-2",
	} {
		lines := worklistPage(t, merge([]Entry{{Slide: slideA, Run: "old", State: "done"}}, Entry{Slide: slideA, State: state, Accession: "S26-2"}))
		if len(lines) != 3 || !strings.Contains(lines[1]+" ", "Does not count: the slide was ordered "+want+" ") || strings.Contains(lines[2], "Does not count") {
			t.Errorf("%s: %q", state, lines)
		}
	}
}
