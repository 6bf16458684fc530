package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// runHelp says in help texts how a run is chosen.
const runHelp = `A slide that was run with several models or parameters has as many runs. --run chooses one by the
first 4 digits of its id or more; by what it was made with, such as threshold=0.3 or
model=NAME,tta=yes; or as the newest. All but the id does for several slides at once, and several
ids do, with commas between them. Without --run it is the run that was ordered last, and a line says
so. Where no order says which, or that one has no result, an error names the runs; if there is only
one it is taken, and a line says if it is of an earlier order.`

// runChoice is what --run says: a run must be one of the ids, if there are any, and made with all of the terms.
type runChoice struct {
	text   string
	ids    []string // or their first digits
	terms  []runTerm
	newest bool // of those that are left
}

// runTerm is one thing that a run was made with, as errors show it and --run takes it.
type runTerm struct{ key, value string }

func (t runTerm) String() string { return t.key + "=" + t.value }

func runFlag(cmd *cobra.Command, c *runChoice) {
	cmd.Flags().Var(c, "run", "which run, if a slide has several: the first digits of its id, newest, or such as threshold=0.3")
}

// Type and String make it a flag's value.
func (c *runChoice) Type() string   { return "RUN" }
func (c *runChoice) String() string { return c.text }

// minRunDigits is how much of an id names a run, as of a slide's.
const minRunDigits = 4

// Set reads --run.
func (c *runChoice) Set(text string) error {
	*c = runChoice{text: text}
	for word := range strings.SplitSeq(strings.ToLower(text), ",") {
		word = strings.TrimSpace(word)
		key, value, isTerm := strings.Cut(word, "=")
		switch {
		case word == "newest":
			c.newest = true
		case isTerm && value != "" && slices.Contains(runKeys, key):
			c.terms = append(c.terms, runTerm{key, value})
		case !isTerm && isDigits(word):
			c.ids = append(c.ids, word)
		default:
			return fmt.Errorf("want the first %d digits of a run's id or more, newest, or what it was made with (%s), such as threshold=0.3; leave it out to hear which runs there are",
				minRunDigits, strings.Join(runKeys, ", "))
		}
	}
	return nil
}

// isDigits reports whether a text can begin a run's id.
func isDigits(text string) bool {
	return len(text) >= minRunDigits && len(text) <= len(pyramid.RunID{}.String()) && strings.Trim(text, "0123456789abcdef") == ""
}

// runKeys are what runs can be told apart by. The first always stand behind a run's id, the others where they differ.
var runKeys = []string{"model", "threshold", "mpp", "tta", "sha256", "region", "engine", "allow-partial"}

const runKeysShown = 4

// madeWith is what a run was made with, in the order of runKeys.
func madeWith(r *stitch.RunInfo) []runTerm {
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	p, mpp := &r.Parameters, "file"
	if p.MPP > 0 {
		mpp = fmt.Sprint(p.MPP)
	}
	values := []string{
		r.Model.Name + "-" + r.Model.Version, fmt.Sprint(p.Threshold), mpp, yes(p.TTA), fmt.Sprintf("%.12s", r.Model.SHA256),
		strconv.Itoa(p.Region), strings.ReplaceAll(r.Engine, " ", "-"), yes(p.Partial),
	}
	terms := make([]runTerm, len(runKeys))
	for i, key := range runKeys {
		terms[i] = runTerm{key, values[i]}
	}
	return terms
}

// finished is a run of a slide that has its result.
type finished struct {
	run  pyramid.RunID
	at   time.Time
	made []runTerm // nothing where its report cannot be read
	name string    // of its model, without the version
}

// readFinished finds out what a slide's runs were made with, the oldest first.
func readFinished(ctx context.Context, b store.Bucket, id pyramid.SlideID, runs []pyramid.RunID) ([]finished, error) {
	all := make([]finished, len(runs))
	for i, run := range runs {
		manifest, err := b.Stat(ctx, store.Slide(id).Run(run).Manifest())
		if err != nil {
			return nil, err
		}
		all[i] = finished{run: run, at: manifest.Modified}
		r, err := (&intake.Desk{Bucket: b}).Report(ctx, &intake.Order{Slide: id, Run: run})
		if ctx.Err() != nil {
			return nil, err
		}
		if err == nil {
			all[i].made, all[i].name = madeWith(&r.Run), strings.ToLower(r.Run.Model.Name)
		}
	}
	slices.SortStableFunc(all, func(a, b finished) int { return a.at.Compare(b.at) })
	return all, nil
}

// is reports whether a run was made with something. Numbers are compared as such, and a model's name will do.
func (f *finished) is(want runTerm) bool {
	if want.key == "model" && want.value == f.name {
		return true
	}
	return slices.ContainsFunc(f.made, func(t runTerm) bool {
		if t.key != want.key {
			return false
		}
		has, err := strconv.ParseFloat(t.value, 64)
		wanted, wantErr := strconv.ParseFloat(want.value, 64)
		return strings.ToLower(t.value) == want.value || err == nil && wantErr == nil && has == wanted
	})
}

// of lists those of a slide's runs that are meant.
func (c *runChoice) of(all []finished) (meant []finished) {
	for _, f := range all {
		named := len(c.ids) == 0 || slices.ContainsFunc(c.ids, func(digits string) bool { return strings.HasPrefix(f.run.String(), digits) })
		if named && !slices.ContainsFunc(c.terms, func(t runTerm) bool { return !f.is(t) }) {
			meant = append(meant, f)
		}
	}
	if c.newest && len(meant) > 1 {
		meant = meant[len(meant)-1:]
	}
	return meant
}

// errNoRun is the error of a slide that nobody has run here.
var errNoRun = errors.New("it has no finished run here: run it, or wait for it if `slidemill status` says that it is worked on, or name its --data or --store")

// chosenRun is the run that a person means, with why it is that one, for the line that names it; nothing where there is
// nothing to explain.
type chosenRun struct {
	pyramid.RunID
	why string
}

// finishedRun is the run that a person means: the one of --run, or else the one that counts. Its errors do not say of
// which slide.
func finishedRun(ctx context.Context, b store.Bucket, id pyramid.SlideID, c *runChoice) (chosenRun, error) {
	found, err := finishedRuns(ctx, b, id)
	switch {
	case err != nil:
		return chosenRun{}, err
	case len(found) == 0:
		return chosenRun{}, errNoRun
	case c.text == "":
		return standingRun(ctx, b, id, found)
	}
	all, err := readFinished(ctx, b, id, found)
	if err != nil {
		return chosenRun{}, err
	}
	meant := c.of(all)
	switch len(meant) {
	case 1:
		return chosenRun{RunID: meant[0].run}, nil
	case 0:
		return chosenRun{}, fmt.Errorf("none of its finished runs is that of --run %s; choose one of:%s", c.text, listRuns(all))
	}
	return chosenRun{}, fmt.Errorf("--run %s means %d of its runs; say more of the one, or add newest:%s", c.text, len(meant), listRuns(meant))
}

// standingRun is the run that is meant where nobody chooses: the one that was ordered last, as for summary and worklist. An
// older result in its place would pass for it; only where it is the sole one is it taken, and told from it.
func standingRun(ctx context.Context, b store.Bucket, id pyramid.SlideID, found []pyramid.RunID) (chosenRun, error) {
	ordered, err := intake.Ledger{Bucket: b}.OrderedRun(ctx, id)
	if err != nil {
		return chosenRun{}, err
	}
	there := slices.Contains(found, ordered)
	none := ordered == pyramid.RunID{}
	switch {
	case len(found) == 1 && (there || none):
		return chosenRun{RunID: found[0]}, nil
	case len(found) == 1:
		return chosenRun{found[0], fmt.Sprintf(", of an earlier order: run %v, which was ordered last, %s", ordered, withoutResult(ctx, b, id))}, nil
	}
	all, err := readFinished(ctx, b, id, found)
	if err != nil {
		return chosenRun{}, err
	}
	if there {
		return chosenRun{ordered, fmt.Sprintf("%s, the one of its %d finished runs that was ordered last; --run chooses another", toldApart(all, ordered), len(all))}, nil
	}
	which := "and no order says which one counts"
	if !none {
		which = fmt.Sprintf("and that of its last order, %v, %s", ordered, withoutResult(ctx, b, id))
	}
	return chosenRun{}, fmt.Errorf("it has %d finished runs, %s; choose one with --run, by its id, as newest%s:%s", len(all), which, example(all), listRuns(all))
}

// withoutResult says how a slide's last order stands, of which there is no result: whoever waits for one that was cancelled or
// failed waits for nothing. What only the queue knows, or nobody can read, is not finished.
func withoutResult(ctx context.Context, b store.Bucket, id pyramid.SlideID) string {
	end, err := intake.Ledger{Bucket: b}.End(ctx, id)
	switch {
	case err != nil || end == nil:
		return "is not finished"
	case end.State == intake.Failed:
		return "failed"
	}
	return "was " + end.State
}

// sayCounting says of a slide with several finished runs whether one of them is the one that counts: worklist, summary and
// export have the one that was ordered last, and who looks at an older result once more orders nothing by that.
func sayCounting(ctx context.Context, stderr io.Writer, b store.Bucket, where string, o *intake.Order) error {
	ordered, err := intake.Ledger{Bucket: b}.OrderedRun(ctx, o.Slide)
	if err != nil || ordered == (pyramid.RunID{}) {
		return err
	}
	found, err := finishedRuns(ctx, b, o.Slide)
	if err != nil || ordered == o.Run && len(found) < 2 {
		return err
	}
	all, err := readFinished(ctx, b, o.Slide, found)
	if err != nil {
		return err
	}
	said := fmt.Sprintf("counts: it was ordered last of the slide's %d finished runs", len(found))
	if ordered != o.Run {
		last := "was ordered last"
		if !slices.Contains(found, ordered) {
			last += " and " + withoutResult(ctx, b, o.Slide)
		}
		said = fmt.Sprintf("does not count: run %v%s %s; to have this one count order it with `slidemill submit`",
			ordered, toldApart(all, ordered), last)
	}
	_, err = fmt.Fprintf(stderr, "%s: run %v%s %s\n", where, o.Run, toldApart(all, o.Run), said)
	return err
}

// toldApart is what tells a run from the others, in brackets; nothing where nobody knows.
func toldApart(all []finished, run pyramid.RunID) string {
	differ, words := differing(all), []string{}
	for _, f := range all {
		for _, t := range f.made {
			if f.run == run && slices.Contains(differ, t.key) {
				words = append(words, t.String())
			}
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

// example is how one of some runs could be chosen by what it was made with.
func example(all []finished) string {
	differ := differing(all)
	for _, t := range all[len(all)-1].made {
		if slices.Contains(differ, t.key) {
			return fmt.Sprintf(", or by what it was made with, such as --run %v", t)
		}
	}
	return ""
}

// differing are the keys by which runs can be told apart.
func differing(all []finished) (keys []string) {
	for i, key := range runKeys {
		seen := map[string]bool{}
		for _, f := range all {
			if f.made != nil {
				seen[f.made[i].value] = true
			}
		}
		if len(seen) > 1 {
			keys = append(keys, key)
		}
	}
	return keys
}

// listRuns names runs with what they were made with, a line each.
func listRuns(all []finished) string {
	var b strings.Builder
	differ := differing(all)
	for _, f := range all {
		fmt.Fprintf(&b, "\n  %v  %s", f.run, f.at.Local().Format("02 Jan 15:04"))
		if f.made == nil {
			b.WriteString("  its report cannot be read: see `slidemill verify`")
		}
		for i, t := range f.made {
			if i < runKeysShown || slices.Contains(differ, t.key) {
				fmt.Fprintf(&b, "  %v", t)
			}
		}
	}
	return b.String()
}
