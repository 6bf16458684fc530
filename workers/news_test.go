package workers

import (
	"context"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// heard keeps what is announced.
type heard struct {
	jobs.Events
	list []jobs.Event
}

func (h *heard) Announce(_ context.Context, e jobs.Event) error {
	h.list = append(h.list, e)
	return nil
}

// TestProgressIsToldNowAndThen: of ten thousand tiles made in a moment the first and the last are told, of
// every step, and little between.
func TestProgressIsToldNowAndThen(t *testing.T) {
	var h heard
	p := &progress{events: &h, job: jobs.Job{Stage: jobs.Stitch}}
	const total = 10_000
	for _, unit := range []string{"regions", "tiles"} {
		h.list = nil
		for done := int64(1); done <= total; done++ {
			p.tell(t.Context(), unit, done, total)
		}
		n := len(h.list)
		if n < 2 || n > 100 {
			t.Fatalf("%s: %d messages", unit, n)
		}
		first, last := h.list[0], h.list[n-1]
		if first.Done != 1 || last.Done != total || last.Unit != unit || last.Stage != jobs.Stitch || last.State != jobs.Progress {
			t.Errorf("%s: from %+v to %+v", unit, first, last)
		}
	}
}
