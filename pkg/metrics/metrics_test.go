package metrics_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/metrics"
)

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestScrape: what happened and what is asked are both there, under the names that alerts rely on.
func TestScrape(t *testing.T) {
	m := metrics.New(metrics.Config{Look: func(context.Context) (metrics.State, error) {
		return metrics.State{
			Depths:     []jobs.Depth{{Stage: jobs.Tile, Priority: jobs.Stat, Waiting: 3, InHand: 1}},
			Dead:       2,
			Open:       map[jobs.Priority]int{jobs.Stat: 4},
			OldestOpen: map[jobs.Priority]time.Duration{jobs.Stat: 90 * time.Second},
			Late:       map[jobs.Priority]int{jobs.Stat: 2},
			Targets:    map[jobs.Priority]float64{jobs.Stat: 60},
		}, nil
	}})
	m.Heard(jobs.Event{Stage: jobs.Segment, State: jobs.Progress, Done: 5})
	m.Heard(jobs.Event{Stage: jobs.Tile, State: jobs.Failed})
	m.Heard(jobs.Event{Stage: "<patient>", State: "<name>"})
	m.Redelivered(jobs.Stitch)
	m.LeftBehind(1)
	m.LeftBehind(1)
	m.LeftBehind(-1)
	m.WatchSilent(time.Unix(1700000000, 0))
	m.Missed(jobs.Stat)
	m.Ended("", time.Minute)
	m.Stage("tile", 2)
	text := scrape(t, m)
	for _, want := range []string{
		`slidemill_queue_waiting{priority="stat",stage="tile"} 3`,
		`slidemill_queue_in_hand{priority="stat",stage="tile"} 1`,
		"slidemill_dead_jobs 2",
		`slidemill_orders_open{priority="stat"} 4`,
		`slidemill_oldest_order_seconds{priority="stat"} 90`,
		`slidemill_orders_late{priority="stat"} 2`,
		`slidemill_target_seconds{priority="stat"} 60`,
		"slidemill_regions_total 5",
		`slidemill_failures_total{stage="tile"} 1`,
		`slidemill_events_total{stage="other",state="other"} 1`,
		`slidemill_redeliveries_total{stage="stitch"} 1`,
		"slidemill_work_left_behind 1",
		"slidemill_watch_silent_since_seconds 1.7e+09",
		`slidemill_turnaround_missed_total{priority="stat"} 1`,
		`slidemill_turnaround_seconds_count{priority="routine"} 1`,
		`slidemill_stage_seconds_sum{stage="tile"} 2`,
		"slidemill_up 1",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "patient") {
		t.Error("an event's text became a label")
	}
}

// TestDown: counters are still told when queue or store do not answer.
func TestDown(t *testing.T) {
	m := metrics.New(metrics.Config{Look: func(context.Context) (metrics.State, error) { return metrics.State{}, errors.New("away") }})
	if text := scrape(t, m); !strings.Contains(text, "slidemill_up 0\n") || !strings.Contains(text, "slidemill_regions_total 0\n") {
		t.Error(text)
	}
}
