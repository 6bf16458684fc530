package viewer

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every colour that the pages use has a name, and where it is dark each that text or ground have is another one. What lies
// on white tissue stays.
func TestPaletteIsWhole(t *testing.T) {
	data, err := os.ReadFile("web/style.css")
	if err != nil {
		t.Fatal(err)
	}
	style := string(data)
	light, rest, ok := strings.Cut(style, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "} }")
	if !ok || !strings.Contains(light, "color-scheme: light dark") {
		t.Fatal("the pages know no dark")
	}
	defined := regexp.MustCompile(`(--[a-z-]+):`)
	inLight, inDark := defined.FindAllString(light, -1), defined.FindAllString(dark, -1)
	for _, use := range regexp.MustCompile(`var\((--[a-z-]+)\)`).FindAllStringSubmatch(style, -1) {
		if name := use[1] + ":"; name != "--why:" && !slices.Contains(inLight, name) {
			t.Errorf("%s is used and not defined", use[1])
		}
	}
	onWhite := []string{"--alarm:", "--sure:", "--likely:", "--faint:", "--high-grade:"}
	for _, name := range inLight {
		if !slices.Contains(inDark, name) && !slices.Contains(onWhite, name) {
			t.Errorf("%s is the same in the dark", name)
		}
	}
	for _, part := range strings.SplitAfter(style, "}") {
		if strings.HasPrefix(strings.TrimSpace(part), "#scale") && strings.Contains(part, "var(") {
			t.Errorf("the scale bar lies on white and takes a colour that changes: %s", part)
		}
	}
}
