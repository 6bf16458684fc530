package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store/mem"
	"github.com/slidemill/slidemill/pkg/watch"
)

// A slide of the folder that was ordered before the summary's time has rows while somebody has to look after it, and is
// counted otherwise: neither is passed over in silence.
func TestOrderedEarlier(t *testing.T) {
	l := intake.Ledger{Bucket: mem.New()}
	ordered := func(n byte, end *intake.End) pyramid.SlideID {
		id := pyramid.SlideID{n}
		err := l.Enter(t.Context(), intake.Entry{Slide: id, Run: pyramid.RunID{n}, SHA256: "00", File: "f", At: time.Now()})
		if err == nil && end != nil {
			end.At = time.Now()
			err = l.Close(t.Context(), id, *end)
		}
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	open, failed := ordered(1, nil), ordered(2, &intake.End{State: intake.Failed})
	tonight := ordered(3, &intake.End{State: intake.Failed})
	givenUp, cancelled := ordered(4, &intake.End{State: intake.Failed, GivenUp: true}), ordered(5, &intake.End{State: intake.Cancelled})
	files := []watch.Slide{{Slide: open}, {Slide: failed}, {Slide: failed}, {Slide: tonight}, {Slide: givenUp}, {Slide: cancelled}, {Slide: cancelled}}
	since := []intake.Standing{{Entry: intake.Entry{Slide: tonight}}}
	list, ended, err := earlier(t.Context(), &intake.Judge{Ledger: l}, since, files)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[pyramid.SlideID]bool{}
	for _, s := range list {
		ids[s.Slide] = true
	}
	if len(list) != 2 || !ids[open] || !ids[failed] || ended != 3 {
		t.Errorf("%+v, and %d have ended; want those that are open or failed, and 3", list, ended)
	}
}

// Each file has a row of its own; the slide that was ordered has one, too, where its file lies elsewhere.
func TestARowForEachFile(t *testing.T) {
	standings := []intake.Standing{
		{Entry: intake.Entry{Slide: pyramid.SlideID{1}, File: "a.svs", Accession: "A1"}},
		{Entry: intake.Entry{Slide: pyramid.SlideID{2}, File: "gone.svs", Accession: "A2"}},
	}
	rows := rowsOf(standings, []watch.Slide{
		{Slide: pyramid.SlideID{1}, File: "x/a.svs", Accession: "A1"}, {Slide: pyramid.SlideID{1}, File: "b.svs", Accession: "A3", Doubled: "x/a.svs"},
		{Slide: pyramid.SlideID{2}, File: "c.svs", Accession: "A4", Doubled: "gone.svs"},
	})
	var got []string
	for _, r := range rows {
		got = append(got, r.File+" "+r.Accession+" "+r.Doubled)
	}
	if want := []string{"x/a.svs A1 ", "b.svs A3 x/a.svs", "gone.svs A2 ", "c.svs A4 gone.svs"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Whoever waits until all has ended does not wait for a slide that nobody goes on with: it is named, and needs a person.
func TestSummaryOfInterrupted(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	interruptedRun(t, data)
	code, out, errs := command("summary", "--data", data)
	if code != exitFailed || !strings.Contains(out, "1 slide: 0 done, 0 failed, 0 refused, 1 not finished") || !strings.Contains(errs, "interrupted and in no queue: give the same `slidemill run` again") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	list, err := os.ReadFile(filepath.Join(data, "summary", "summary.csv"))
	if err != nil || !strings.Contains(string(list), "Interrupted, and in no queue.") {
		t.Errorf("%s, %v", list, err)
	}
}

// The worklist page says of a slide that was not looked at what status and summary say.
func TestPageSaysWhatIsNoStatement(t *testing.T) {
	data := t.TempDir()
	if code, _, errs := command("run", "--data", data, "--mpp", "0.5", glass(t)); code != exitDone {
		t.Fatal(errs)
	}
	endServe := serving(t, data)
	defer endServe()
	c, _, err := readContact(data)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(c.Web + "/api/v1/worklist")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	list, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(list), `"no_statement":"no tissue found"`) {
		t.Errorf("%s, %v", list, err)
	}
}

// In a store that others share nobody knows what is interrupted: it is not finished.
func TestSummaryOfWhatOthersDo(t *testing.T) {
	shared := "dir:" + filepath.Join(t.TempDir(), "shared")
	if code, _, errs := command("submit", "--data", t.TempDir(), "--store", shared, "--mpp", "0.5", glass(t)); code != exitDone {
		t.Fatal(errs)
	}
	if code, out, errs := command("summary", "--data", t.TempDir(), "--store", shared); code != exitUnfinished || !strings.Contains(out, "1 not finished") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
}
