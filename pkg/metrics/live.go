package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lookTime bounds what a scrape may wait for queue and store.
const lookTime = 5 * time.Second

var (
	waiting = prometheus.NewDesc("slidemill_queue_waiting", "Jobs that wait.", []string{"stage", "priority"}, nil)
	inHand  = prometheus.NewDesc("slidemill_queue_in_hand", "Jobs that workers have in hand.", []string{"stage", "priority"}, nil)
	dead    = prometheus.NewDesc("slidemill_dead_jobs", "Jobs on the dead list.", nil, nil)
	open    = prometheus.NewDesc("slidemill_orders_open", "Orders that have not ended.", []string{"priority"}, nil)
	late    = prometheus.NewDesc("slidemill_orders_late", "Orders that have not ended and are beyond their target.", []string{"priority"}, nil)
	target  = prometheus.NewDesc("slidemill_target_seconds", "How long an order may take, where there is a target and an order.", []string{"priority"}, nil)
	oldest  = prometheus.NewDesc("slidemill_oldest_order_seconds", "Age of the oldest order that has not ended; 0 if there is none.", []string{"priority"}, nil)
	up      = prometheus.NewDesc("slidemill_up", "1 if queue and store answered this scrape.", nil, nil)
)

// live asks queue and ledger at each scrape.
type live Metrics

// Describe implements prometheus.Collector.
func (*live) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{waiting, inHand, dead, open, late, target, oldest, up} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (l *live) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	s, err := l.config.Look(ctx)
	if err != nil {
		gauge(up, 0)
		return
	}
	gauge(up, 1)
	gauge(dead, float64(s.Dead))
	for _, d := range s.Depths {
		gauge(waiting, float64(d.Waiting), string(d.Stage), string(d.Priority))
		gauge(inHand, float64(d.InHand), string(d.Stage), string(d.Priority))
	}
	for p, n := range s.Open {
		gauge(open, float64(n), string(p))
		gauge(oldest, s.OldestOpen[p].Seconds(), string(p))
		gauge(late, float64(s.Late[p]), string(p))
	}
	for p, seconds := range s.Targets {
		gauge(target, seconds, string(p))
	}
}
