package jobs

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

const (
	slideText = "00112233445566778899aabb"
	runText   = "0011223344556677"
)

func ids(t *testing.T) (pyramid.SlideID, pyramid.RunID) {
	t.Helper()
	slide, err := pyramid.ParseSlideID(slideText)
	if err != nil {
		t.Fatal(err)
	}
	run, err := pyramid.ParseRunID(runText)
	if err != nil {
		t.Fatal(err)
	}
	return slide, run
}

// TestNames pins every name: permissions and running systems rely on them.
func TestNames(t *testing.T) {
	slide, run := ids(t)
	var n Names
	tile := NewTile(slide, "/scans/a.svs", []byte(`{"threshold":0.5}`))
	for got, want := range map[string]string{
		n.Stream():                             "slidemill_jobs",
		n.Progress():                           "slidemill_progress",
		n.Dead():                               "slidemill_dead",
		n.Retry():                              "slidemill_retry",
		n.AllJobs():                            "slidemill.jobs.>",
		n.JobsOf(Tile):                         "slidemill.jobs.*.tile.>",
		n.JobsAt(Segment, Lane{}):              "slidemill.jobs.routine.segment.>",
		n.JobsFor(slide):                       "slidemill.jobs.*.*." + slideText + ".>",
		n.Consumer(Stitch, Lane{Stat, 2}):      "stitch-stat-2",
		n.ProgressKey(slide, run):              slideText + "." + runText,
		n.News(slide):                          "slidemill.events." + slideText,
		n.AllNews():                            "slidemill.events.*",
		NewStitch(slide, run).ID:               "stitch." + slideText + "." + runText,
		NewSegment(slide, run, 7).ID:           "segment." + slideText + "." + runText + ".7",
		NewSegment(slide, run, 7).InFill(2).ID: "segment." + slideText + "." + runText + ".7.2",
		NewStitch(slide, run).InFill(2).ID:     "stitch." + slideText + "." + runText + ".2",
		tile.ID:                                "tile." + slideText + ".a63fab53564d6797",
		n.Subject(Lane{Priority: Urgent}, NewSegment(slide, run, 7).Identity()): "slidemill.jobs.urgent.segment." + slideText + "." + runText + ".7",
	} {
		if got != want {
			t.Errorf("name %s, want %s", got, want)
		}
	}
	for _, bad := range []string{"a.b", "A", "a b", "a>", "ä", strings.Repeat("a", 41)} {
		if _, err := NewNames(bad); err == nil {
			t.Errorf("system %q was accepted", bad)
		}
	}
}

func drawJob(t *rapid.T) Job {
	var slide pyramid.SlideID
	var run pyramid.RunID
	copy(slide[:], rapid.SliceOfN(rapid.Byte(), 12, 12).Draw(t, "slide"))
	copy(run[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "run"))
	var j Job
	switch rapid.SampledFrom(Stages()).Draw(t, "stage") {
	case Tile:
		j = NewTile(slide, rapid.StringMatching(`[ -~äöü]{1,50}`).Draw(t, "source"), []byte(`{"a":1}`))
	case Segment:
		j = NewSegment(slide, run, rapid.IntRange(0, MaxParts-1).Draw(t, "batch"))
	case Stitch:
		j = NewStitch(slide, run)
	}
	if j.Stage != Tile {
		j = j.InFill(rapid.IntRange(0, 3).Draw(t, "fill"))
	}
	j.Turn = rapid.IntRange(0, 100).Draw(t, "turn")
	j.Priority = rapid.SampledFrom(append(Priorities(), "")).Draw(t, "priority")
	return j
}

// TestInverses: subjects and contents read back as they were written.
func TestInverses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawJob(t)
		data, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
		var n Names
		p, id, err := n.ParseSubject(n.Subject(want.Lane(), want.Identity()))
		if err != nil || p != want.Lane() || id.String() != want.ID {
			t.Fatalf("%s: %s, %s, %v", want.ID, p, id, err)
		}
	})
}

// TestDecodeRefuses holds one message per kind of damage.
func TestDecodeRefuses(t *testing.T) {
	slide, run := ids(t)
	good, err := Encode(NewTile(slide, "/scans/a.svs", []byte(`{"threshold":0.5}`)))
	if err != nil {
		t.Fatal(err)
	}
	damage := func(j Job, f func(*Job)) Job { f(&j); return j }
	for name, j := range map[string]Job{
		"unknown stage":     {ID: "dance." + slideText + "." + runText, Stage: "dance", Slide: slide, Run: run},
		"no source":         NewTile(slide, "", nil),
		"control character": NewTile(slide, "/a\nb", nil),
		"long source":       NewTile(slide, strings.Repeat("a", maxSource+1), nil),
		"parameters":        NewTile(slide, "/a", []byte("{")),
		"big parameters":    NewTile(slide, "/a", []byte(`"`+strings.Repeat("a", maxParameters)+`"`)),
		"negative batch":    NewSegment(slide, run, -1),
		"batch too high":    NewSegment(slide, run, MaxParts),
		"negative fill":     NewStitch(slide, run).InFill(-1),
		"fill too high":     NewSegment(slide, run, 0).InFill(MaxParts),
		"fill of a tile":    NewTile(slide, "/a", nil).InFill(1),
		"other id":          damage(NewStitch(slide, run), func(j *Job) { j.ID = NewSegment(slide, run, 0).ID }),
		"no id":             damage(NewStitch(slide, run), func(j *Job) { j.ID = "" }),
		"priority":          damage(NewStitch(slide, run), func(j *Job) { j.Priority = "yesterday" }),
		"source in stitch":  damage(NewStitch(slide, run), func(j *Job) { j.Source = "/a" }),
		"run in tile":       damage(NewTile(slide, "/a", nil), func(j *Job) { j.Run = run }),
	} {
		if _, err := Encode(j); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	for name, data := range map[string]string{
		"empty":         "",
		"half":          string(good[:len(good)/2]),
		"other type":    "[]",
		"another slide": strings.Replace(string(good), slideText, "ff"+slideText[2:], 1),
		"huge":          strings.Repeat(" ", maxEncoded) + string(good),
	} {
		if _, err := Decode([]byte(data)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

func TestDeadReasonIsCut(t *testing.T) {
	slide, run := ids(t)
	data, err := EncodeDead(Dead{Job: NewStitch(slide, run), Reason: strings.Repeat("ä", maxReason)})
	if err != nil {
		t.Fatal(err)
	}
	d, err := DecodeDead(data)
	if err != nil || len(d.Reason) > maxReason+len("…") || !strings.HasSuffix(d.Reason, "ä…") {
		t.Errorf("reason of %d bytes, %v", len(d.Reason), err)
	}
}

// FuzzDecode: what is accepted encodes again to an equal job; nothing panics.
func FuzzDecode(f *testing.F) {
	for _, j := range []Job{NewTile(pyramid.SlideID{1}, "/a", []byte("{}")), NewSegment(pyramid.SlideID{1}, pyramid.RunID{2}, 3)} {
		data, err := Encode(j)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(j)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again); err != nil || !cmp.Equal(j, back) {
			t.Fatalf("%v: %s", err, cmp.Diff(j, back))
		}
	})
}

// FuzzParseSubject: whatever parses, spells itself again.
func FuzzParseSubject(f *testing.F) {
	var n Names
	f.Add(n.Subject(Lane{Stat, 1}, NewSegment(pyramid.SlideID{1}, pyramid.RunID{2}, 3).Identity()))
	f.Add(n.Subject(Lane{}, NewStitch(pyramid.SlideID{1}, pyramid.RunID{2}).InFill(3).Identity()))
	f.Add(n.Subject(Lane{}, NewTile(pyramid.SlideID{1}, "/a", nil).Identity()))
	f.Fuzz(func(t *testing.T, subject string) {
		if p, id, err := n.ParseSubject(subject); err == nil && n.Subject(p, id) != subject {
			t.Fatalf("%q was read as %s, %+v", subject, p, id)
		}
	})
}

// TestLanes: turns map to rows, and the text of a lane reads back.
func TestLanes(t *testing.T) {
	for turn, row := range map[int]int{0: 0, 1: 0, 2: 1, 7: 1, 8: 2, 63: 2, 64: 3, 10_000: 3} {
		if got := (Job{Turn: turn}).Lane(); got != (Lane{Routine, row}) {
			t.Errorf("turn %d waits in %v", turn, got)
		}
	}
	for _, l := range Lanes(true) {
		if got, err := ParseLane(l.String()); err != nil || got != l {
			t.Errorf("%v: %v, %v", l, got, err)
		}
	}
	for _, bad := range []string{"", "soon", "routine-0", "routine-4", "routine-x", "routine--1", "stat-01"} {
		if l, err := ParseLane(bad); err == nil {
			t.Errorf("%q was read as %v", bad, l)
		}
	}
	if all := Lanes(false); all[0] != (Lane{Stat, 0}) || all[len(all)-1] != (Lane{Routine, Rows - 1}) || len(all) != 3*Rows {
		t.Errorf("order %v", all)
	}
}
