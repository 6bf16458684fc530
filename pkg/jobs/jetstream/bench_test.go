package jetstream_test

import (
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
)

// BenchmarkJob is what one batch of regions costs beside its work: publish, take, finish, ack. "synced"
// flushes every step to disk, as the embedded server does by default.
func BenchmarkJob(b *testing.B) {
	for name, unsynced := range map[string]bool{"synced": false, "unsynced": true} {
		b.Run(name, func(b *testing.B) {
			q, err := jetstream.Open(b.Context(), jetstream.Config{Dir: b.TempDir(), Unsynced: unsynced})
			if err != nil {
				b.Fatal(err)
			}
			defer q.Close()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := q.Publish(b.Context(), jobs.NewSegment(slide, run, i%jobs.MaxParts)); err != nil {
					b.Fatal(err)
				}
				if err := finishOne(b.Context(), q, 10_000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
