package stitch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/segment"
)

// TestReasons: every class of the tissue map that is not analysed has its own colour in the overlay, and a
// coarse pixel keeps all reasons that it covers, in whatever order they are joined.
func TestReasons(t *testing.T) {
	p := newPalette(128)
	seen := map[rgba]segment.TissueClass{stripe: segment.Glass}
	for _, c := range []segment.TissueClass{segment.Tissue, segment.Pen, segment.Bubble, segment.Blurred, segment.Unreadable, segment.Unscanned} {
		colour := p.at(4, 0, 0, because(c))
		if other, twice := seen[colour]; twice || colour[3] == 0 {
			t.Errorf("%v is drawn as %v, as %v", c, colour, other)
		}
		seen[colour] = c
		if got := p.at(0, 0, 0, because(c)); got != stripe {
			t.Errorf("the stripes of %v are %v", c, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.Uint8().Draw(t, "a"), rapid.Uint8().Draw(t, "b"), rapid.Uint8().Draw(t, "c")
		if merge(a, b) != merge(b, a) || merge(merge(a, b), c) != merge(a, merge(b, c)) {
			t.Fatalf("%x, %x, %x depend on their order", a, b, c)
		}
		if a&unseen != 0 && merge(a, b)&a != a {
			t.Fatalf("%x is lost in %x", a, merge(a, b))
		}
	})
}

// TestViewerSaysTheSameReasons: the legends of report and viewer call what was not analysed by the same words.
func TestViewerSaysTheSameReasons(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("..", "viewer", "web", "slide.js"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(script), "const reasons = {\n")
	list, _, closed := strings.Cut(list, "};")
	if !found || !closed {
		t.Fatal("slide.js has no list of reasons")
	}
	got := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\s*(\w+): "([^"]*)",$`).FindAllStringSubmatch(list, -1) {
		got[m[1]] = m[2]
	}
	want := map[string]string{}
	for _, r := range excluded {
		want[r.class] = r.words
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("slide.js does not say what colours.go says (-want +got):\n" + diff)
	}
}
