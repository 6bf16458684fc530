package intake

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/mem"
)

// namedLedger has two slides of one case, one of the same file name below another folder, and one that was
// never ordered. The first file lies in the folder that is returned.
func namedLedger(t *testing.T) (l Ledger, folder string, ids [4]pyramid.SlideID) {
	t.Helper()
	l, folder = Ledger{mem.New()}, t.TempDir()
	path := filepath.Join(folder, "one.svs")
	if err := os.WriteFile(path, []byte("the first slide"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := slide.Hash(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids = [4]pyramid.SlideID{pyramid.NewSlideID(sum), {0xab, 0xcd, 1}, {0xab, 0xcd, 2}, {0xab, 0xce}}
	for i, e := range []Entry{{File: "one.svs", Accession: "S26-1"}, {File: "night/two.svs", Accession: "S26-1"}, {File: "day/two.svs"}} {
		e.Slide, e.At = ids[i], time.Now()
		if err := l.Enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return l, folder, ids
}

// Every name that a person may give means the same slides, whoever asks.
func TestFind(t *testing.T) {
	l, folder, ids := namedLedger(t)
	if err := l.Bucket.Put(t.Context(), store.Slide(ids[3]).Manifest(), strings.NewReader("{}"), 2); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(folder, "sub", "one.svs")
	if err := errors.Join(os.Mkdir(filepath.Dir(other), 0o700), os.WriteFile(other, []byte("another slide"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		ids[0].String(): "0", ids[0].String()[:6]: "0", strings.ToUpper(ids[1].String()[:8]): "1", ids[3].String(): "3", "abce": "3",
		"one.svs": "0", "one": "0", filepath.Join(folder, "one.svs"): "0", `Z:\scans\night\two.svs`: "1", "night/two": "1",
		"s3://scans/2026/day/two.svs": "2", "/mnt/day/two.svs": "2", "two": "ambiguous", "abcd": "ambiguous",
		"S26-1": "01", other: "unknown", "abc": "unknown", "": "unknown", "/": "unknown", ".svs": "unknown", "ne.svs": "unknown",
		"ffffffffffffffffffffffff": "unknown", "wo": "unknown",
	} {
		found, err := l.Find(t.Context(), text)
		got := ""
		for _, line := range found {
			for i, id := range ids {
				if line.Slide == id {
					got += string(rune('0' + i))
				}
			}
		}
		if many := new(Ambiguous); errors.As(err, &many) {
			got = "ambiguous"
			if len(many.Lines) != 2 || !strings.Contains(err.Error(), "night/two.svs  S26-1") || !strings.Contains(err.Error(), ids[2].String()) {
				t.Errorf("%q: the candidates are not told: %v", text, err)
			}
		} else if errors.As(err, new(*Unknown)) {
			got = "unknown"
		} else if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got != want && got+want != "1001" { // a case is in no order
			t.Errorf("%q means %s, want %s", text, got, want)
		}
	}
	if _, err := l.FindSlide(t.Context(), "S26-1"); !errors.As(err, new(*Ambiguous)) {
		t.Errorf("a case of two slides where one is wanted: %v", err)
	}
	if _, err := l.FindOrders(t.Context(), "abce"); err == nil || !strings.Contains(err.Error(), "slidemill submit") {
		t.Errorf("never ordered: %v", err)
	}
}

// A file of this machine is the slide that it holds, not the one that was ordered under its name.
func TestFindByContent(t *testing.T) {
	l, folder, ids := namedLedger(t)
	path := filepath.Join(folder, "copied.svs")
	if err := os.WriteFile(path, []byte("the first slide"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := l.FindSlide(t.Context(), path); err != nil || id != ids[0] {
		t.Errorf("a copy under another name is %v, %v", id, err)
	}
}
