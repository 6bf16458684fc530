package workers

import (
	"context"
	"io"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
)

// What a slide's clock does not count: the time that store and queue take.

// heldBucket stops a clock while the store is waited for. It packs and syncs like the bucket in it.
type heldBucket struct {
	store.Bucket
	clock *clock
}

func (b *heldBucket) Unwrap() store.Bucket { return b.Bucket }

func (b *heldBucket) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	b.clock.hold()
	defer b.clock.release()
	if _, ok := r.(io.Seeker); !ok { // an archive, whose bytes come while the slide is cut
		r = &heldReader{r, b.clock}
	}
	return b.Bucket.Put(ctx, key, r, size)
}

func (b *heldBucket) Sync(ctx context.Context) error {
	b.clock.hold()
	defer b.clock.release()
	return store.Sync(ctx, b.Bucket)
}

// heldReader lets a clock run while a store waits for what the slide gives.
type heldReader struct {
	io.Reader
	clock *clock
}

func (r *heldReader) Read(p []byte) (int, error) {
	r.clock.release()
	defer r.clock.hold()
	return r.Reader.Read(p)
}

// heldQueue stops a clock while the queue is waited for, also where it is full.
type heldQueue struct {
	jobs.Queue
	clock *clock
}

func (q *heldQueue) Publish(ctx context.Context, job jobs.Job) error {
	q.clock.hold()
	defer q.clock.release()
	if job.Stage == jobs.Stitch {
		return q.Queue.Publish(ctx, job) // whose callers do not wait for long
	}
	return publish(ctx, q.Queue, job)
}

func (q *heldQueue) Finish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) (bool, error) {
	q.clock.hold()
	defer q.clock.release()
	return q.Queue.Finish(ctx, slide, run, part, total)
}

func (q *heldQueue) Unfinish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) error {
	q.clock.hold()
	defer q.clock.release()
	return q.Queue.Unfinish(ctx, slide, run, part, total)
}
