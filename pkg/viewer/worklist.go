package viewer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// Entry is one line of the worklist: a slide and its latest state.
type Entry struct {
	Slide     pyramid.SlideID `json:"slide"`
	Run       string          `json:"run,omitempty"` // of an order that is not done it has no result yet
	State     string          `json:"state"`         // tiled, done, failed, or a stage in progress
	Reason    string          `json:"reason,omitempty"`
	Width     int             `json:"width,omitempty"`
	Height    int             `json:"height,omitempty"`
	*Found                    // nothing of it where there is no result: a 0 would read as one without carcinoma
	Model     string          `json:"model,omitempty"`
	Threshold float64         `json:"threshold,omitempty"`
	// Of the order, where there is one: what the laboratory calls the slide, and how long it took.
	File      string    `json:"file,omitempty"`
	Accession string    `json:"accession,omitempty"`
	Priority  string    `json:"priority,omitempty"`
	Ordered   time.Time `json:"ordered,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	Late      bool      `json:"late,omitempty"` // it missed its target, or will
	// Counts: the run is that of the slide's last order. Earlier: it is not, and the names are of that order. Neither is said
	// where no order says which run counts, nor of a slide's only run where Config.Orders does not have the order any more.
	Counts  bool `json:"counts,omitempty"`
	Earlier bool `json:"earlier,omitempty"`
	// NoStatement: why a run that is done is no statement on its slide, whatever areas stand here.
	NoStatement string `json:"no_statement,omitempty"`
}

// Found is what a run found. What nobody looked for is absent, too, as in the summary: of a run that is no statement on its
// slide there is no share, and carcinoma only where some was found all the same.
type Found struct {
	Score     float64  `json:"score"` // triage: what to look at first
	Rank      string   `json:"rank_reason,omitempty"`
	Tissue    float64  `json:"tissue_mm2"`
	Carcinoma *float64 `json:"carcinoma_mm2,omitempty"`
	Fraction  *float64 `json:"carcinoma_fraction,omitempty"`
	Lesions   *int     `json:"lesions,omitempty"`
	Unknown   float64  `json:"not_analysed_mm2"`
	Scored    float64  `json:"scored_mm2"` // what the fraction is a share of; none, no statement
	Uncertain float64  `json:"uncertain_mm2"`
}

// maxJSON bounds a manifest or report that is read into memory.
const maxJSON = 64 << 20

func (v *viewer) worklist(r *http.Request) (any, error) {
	ctx := r.Context()
	orders, err := v.orders(ctx)
	if err != nil {
		return nil, err
	}
	entries := []Entry{}
	for name, err := range store.Folders(ctx, v.Bucket, store.Slides()) {
		if err != nil {
			return nil, err
		}
		id, err := pyramid.ParseSlideID(name)
		if err != nil {
			continue // a foreign folder in the bucket
		}
		order, ordered := orders[id]
		lines, err := v.lines(ctx, id, order, ordered)
		if err != nil {
			return nil, err
		}
		entries = append(entries, lines...)
		delete(orders, id)
	}
	for _, order := range orders {
		entries = append(entries, order.own())
	}
	sortEntries(entries)
	return earlierBelow(entries), nil
}

// sortEntries puts what needs a person first: failures, then the highest score.
func sortEntries(entries []Entry) {
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if af, bf := a.State == "failed", b.State == "failed"; af != bf {
			if af {
				return -1
			}
			return 1
		}
		switch {
		case a.Late != b.Late:
			if a.Late {
				return -1
			}
			return 1
		case a.score() != b.score():
			return cmp.Compare(b.score(), a.score())
		}
		return slices.Compare(a.Slide[:], b.Slide[:])
	})
}

// score is what an entry is sorted by. What has no result is not looked at for its carcinoma, so it comes last.
func (e *Entry) score() float64 {
	if e.Found == nil {
		return 0
	}
	return e.Found.Score
}

// earlierBelow puts the runs of earlier orders below what counts of their slides: they are nothing that anybody has to look
// at first, and who looks for one looks there. Where nothing is known of the last order but its run they stay where they are.
func earlierBelow(entries []Entry) []Entry {
	counts := map[pyramid.SlideID]bool{}
	for _, e := range entries {
		counts[e.Slide] = counts[e.Slide] || !e.Earlier
	}
	below := func(e Entry) bool { return e.Earlier && counts[e.Slide] }
	earlier := map[pyramid.SlideID][]Entry{}
	for _, e := range entries {
		if below(e) {
			earlier[e.Slide] = append(earlier[e.Slide], e)
		}
	}
	sorted := make([]Entry, 0, len(entries))
	for _, e := range entries {
		if !below(e) {
			sorted = append(append(sorted, e), earlier[e.Slide]...)
			delete(earlier, e.Slide)
		}
	}
	return sorted
}

// entries is one line per finished run of the slide, or one that says that there is none yet.
func (v *viewer) entries(ctx context.Context, id pyramid.SlideID) ([]Entry, error) {
	runs, err := v.runs(ctx, id)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, run := range runs {
		e, err := v.entry(ctx, id, run)
		if err != nil {
			v.Log.Error("report cannot be read", "slide", id, "run", run, "error", err)
			e = Entry{Slide: id, Run: run.String(), State: "failed", Reason: "its report cannot be read: see `slidemill verify`"}
		}
		entries = append(entries, e)
	}
	if len(entries) > 0 {
		return entries, nil
	}
	if _, err := v.Bucket.Stat(ctx, store.Slide(id).Manifest()); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return []Entry{{Slide: id, State: "tiling"}}, nil
		}
		return nil, err
	}
	return []Entry{{Slide: id, State: "tiled"}}, nil
}

// runs lists the finished runs of a slide: those with a run.json.
func (v *viewer) runs(ctx context.Context, id pyramid.SlideID) ([]pyramid.RunID, error) {
	runs := []pyramid.RunID{} // a page expects a list, also of none
	for name, err := range store.Folders(ctx, v.Bucket, store.Slide(id).Runs()) {
		if err != nil {
			return nil, err
		}
		run, err := pyramid.ParseRunID(name)
		if err != nil {
			continue
		}
		_, err = v.Bucket.Stat(ctx, store.Slide(id).Run(run).Manifest())
		if err == nil {
			runs = append(runs, run)
		} else if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return runs, nil
}

// report is the part of report.json that the worklist shows.
type report struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
	Slide  struct {
		Width  int `json:"width"`
		Height int `json:"height"`
	} `json:"slide"`
	Run struct {
		Model struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"model"`
		Parameters struct {
			Threshold float64 `json:"threshold"`
		} `json:"parameters"`
	} `json:"run"`
	Tissue    float64           `json:"tissue_mm2"`
	Analysed  float64           `json:"analysed_mm2"`
	Uncertain float64           `json:"uncertain_mm2"`
	Unknown   float64           `json:"not_analysed_mm2"`
	Carcinoma float64           `json:"carcinoma_mm2"`
	Fraction  float64           `json:"carcinoma_fraction"`
	Lesions   []json.RawMessage `json:"lesions"`
	Triage    struct {
		Score  float64 `json:"score"`
		Reason string  `json:"rank_reason"`
	} `json:"triage"`
}

func (v *viewer) entry(ctx context.Context, id pyramid.SlideID, run pyramid.RunID) (Entry, error) {
	key := store.Slide(id).Run(run).Report()
	data, err := store.ReadAll(ctx, v.Bucket, key, maxJSON)
	if err != nil {
		return Entry{}, err
	}
	var r report
	if err := parseJSON(key, data, &r); err != nil {
		return Entry{}, err
	}
	none := ""
	if v.NoStatement != nil && r.Status == "done" {
		if none, err = v.NoStatement(data); err != nil {
			return Entry{}, fmt.Errorf("read %s: %w", key, err)
		}
	}
	return Entry{
		Slide: id, Run: run.String(), State: r.Status, Reason: r.Reason, Width: r.Slide.Width, Height: r.Slide.Height, Found: r.found(none),
		Model: strings.TrimSpace(r.Run.Model.Name + " " + r.Run.Model.Version), Threshold: r.Run.Parameters.Threshold, NoStatement: none,
	}, nil
}

// found is what a report found, where it has a result; none says why that is no statement on its slide, if it is none.
func (r *report) found(none string) *Found {
	if r.Status != "done" {
		return nil
	}
	lesions := len(r.Lesions)
	f := &Found{
		Score: r.Triage.Score, Rank: r.Triage.Reason, Tissue: r.Tissue, Unknown: r.Unknown,
		Scored: r.Analysed - r.Uncertain, Uncertain: r.Uncertain,
	}
	if none == "" || r.Carcinoma > 0 {
		f.Carcinoma, f.Lesions = &r.Carcinoma, &lesions
	}
	if none == "" {
		f.Fraction = &r.Fraction
	}
	return f
}

func (v *viewer) readJSON(ctx context.Context, key string, into any) error {
	data, err := store.ReadAll(ctx, v.Bucket, key, maxJSON)
	if err != nil {
		return err
	}
	return parseJSON(key, data, into)
}

func parseJSON(key string, data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}
