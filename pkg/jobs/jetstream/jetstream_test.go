package jetstream_test

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/jobs/jobstest"
)

func TestConformance(t *testing.T) {
	jobstest.Run(t, jobstest.Config{
		Durable: true,
		Open: func(t *testing.T, s jobstest.Settings) jobstest.Queue {
			q, err := jetstream.Open(t.Context(), jetstream.Config{
				Dir: s.Dir, AckWait: s.Patience, MaxDeliver: s.MaxDeliver, Unsynced: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			return q
		},
	})
}
