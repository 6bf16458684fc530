// Package metrics shows a running system to Prometheus: how much waits, how old the oldest stat slide
// is, how fast regions are done, how long stages take, what came again and what died. Labels are stages,
// priorities and states; no slide, file or accession is among them. It is the only importer of the
// Prometheus client.
package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// State is what is asked of queue and ledger whenever somebody looks.
type State struct {
	Depths []jobs.Depth
	Dead   int
	// OldestOpen is the age of the oldest order of each priority that has not ended; none is no entry.
	OldestOpen map[jobs.Priority]time.Duration
	// Open counts the orders that have not ended.
	Open map[jobs.Priority]int
	// Late counts those of them that are beyond their target; Targets has the seconds of each that is known.
	Late    map[jobs.Priority]int
	Targets map[jobs.Priority]float64
}

// Config says where the numbers come from.
type Config struct {
	// Look is called for each scrape, with a deadline.
	Look func(ctx context.Context) (State, error)
}

// Metrics counts what happens. It is safe for concurrent use.
type Metrics struct {
	config   Config
	registry *prometheus.Registry

	regions, redeliveries, failures *prometheus.CounterVec
	events, missed                  *prometheus.CounterVec
	stages, turnaround              *prometheus.HistogramVec
	behind, silent                  prometheus.Gauge
}

// The buckets of seconds: a region takes seconds, a slide minutes, a night hours.
var (
	stageBuckets      = []float64{.1, .5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600}
	turnaroundBuckets = []float64{10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400}
)

// New makes the metrics of one process.
func New(c Config) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &Metrics{
		config: c, registry: prometheus.NewRegistry(),
		regions:      counter("slidemill_regions_total", "Regions segmented, by all workers as their events tell."),
		redeliveries: counter("slidemill_redeliveries_total", "Jobs of this process's workers that came a second time or more.", "stage"),
		failures:     counter("slidemill_failures_total", "Jobs that failed for good, as events tell.", "stage"),
		events:       counter("slidemill_events_total", "News heard.", "stage", "state"),
		missed:       counter("slidemill_turnaround_missed_total", "Orders that missed their target.", "priority"),
		stages:       histogram("slidemill_stage_seconds", "Time per stage and slide, from the stage before; waiting is before the first.", stageBuckets, "stage"),
		turnaround:   histogram("slidemill_turnaround_seconds", "Time from order to result.", turnaroundBuckets, "priority"),
		behind: prometheus.NewGauge(prometheus.GaugeOpts{Name: "slidemill_work_left_behind",
			Help: "Work of this process on slides that is stuck in a read and was left behind; it keeps its memory until the read ends."}),
		silent: prometheus.NewGauge(prometheus.GaugeOpts{Name: "slidemill_watch_silent_since_seconds",
			Help: "Since when the watched folder does not answer, in Unix time; 0 if it does."}),
	}
	m.registry.MustRegister(m.regions, m.redeliveries, m.failures, m.events, m.missed, m.stages, m.turnaround, m.behind, m.silent, (*live)(m),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.regions.WithLabelValues() // there from the start, so that rates work
	for _, p := range jobs.Priorities() {
		m.missed.WithLabelValues(string(p))
	}
	for _, s := range jobs.Stages() {
		m.redeliveries.WithLabelValues(string(s))
		m.failures.WithLabelValues(string(s))
	}
	return m
}

// Handler answers with the metrics as text.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// Heard counts an event. Stages and states that are not ours count as "other": an event comes from
// outside, and its text must not make labels.
func (m *Metrics) Heard(e jobs.Event) {
	stage := "other"
	for _, s := range jobs.Stages() {
		if e.Stage == s {
			stage = string(s)
		}
	}
	state := "other"
	for _, s := range []string{jobs.Started, jobs.Progress, jobs.Done, jobs.Failed} {
		if e.State == s {
			state = s
		}
	}
	m.events.WithLabelValues(stage, state).Inc()
	switch {
	case e.Stage == jobs.Segment && e.State == jobs.Progress && e.Done > 0:
		m.regions.WithLabelValues().Add(float64(e.Done))
	case e.State == jobs.Failed:
		m.failures.WithLabelValues(stage).Inc()
	}
}

// Redelivered counts a job that came again.
func (m *Metrics) Redelivered(s jobs.Stage) { m.redeliveries.WithLabelValues(string(s)).Inc() }

// LeftBehind counts work that is stuck and was left behind, and with -1 such work that ended after all.
func (m *Metrics) LeftBehind(change int) { m.behind.Add(float64(change)) }

// WatchSilent tells since when the watched folder does not answer; the zero time if it does.
func (m *Metrics) WatchSilent(since time.Time) {
	if since.IsZero() {
		m.silent.Set(0)
		return
	}
	m.silent.Set(float64(since.Unix()))
}

// Ended counts an order that has its result.
func (m *Metrics) Ended(p jobs.Priority, took time.Duration) {
	m.turnaround.WithLabelValues(string(p.Known())).Observe(took.Seconds())
}

// Stage counts for how many seconds a slide was in a stage, or waited.
func (m *Metrics) Stage(stage string, seconds float64) {
	m.stages.WithLabelValues(stage).Observe(seconds)
}

// Missed counts an order that missed its target.
func (m *Metrics) Missed(p jobs.Priority) { m.missed.WithLabelValues(string(p.Known())).Inc() }
