package mem_test

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs/jobstest"
	"github.com/slidemill/slidemill/pkg/jobs/mem"
)

func TestConformance(t *testing.T) {
	jobstest.Run(t, jobstest.Config{
		Open: func(_ *testing.T, s jobstest.Settings) jobstest.Queue {
			return mem.New(mem.Config{Patience: s.Patience, MaxDeliver: s.MaxDeliver})
		},
	})
}
