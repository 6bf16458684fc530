package jetstream

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Finish implements jobs.Queue: a bitmap per run, changed by compare-and-swap, so that no two workers
// overwrite each other's part. The swap that sets the last bit completes the run.
func (q *Queue) Finish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) (all bool, err error) {
	if err := jobs.CheckPart(part, total); err != nil {
		return false, fmt.Errorf("finish %s/%s: %w", slide, run, err)
	}
	key := q.names.ProgressKey(slide, run)
	err = q.swap(ctx, "finish "+key, func(ctx context.Context) error {
		all, err = q.mark(ctx, key, part, total)
		return err
	})
	return all, err
}

// Unfinish implements jobs.Queue.
func (q *Queue) Unfinish(ctx context.Context, slide pyramid.SlideID, run pyramid.RunID, part, total int) error {
	if err := jobs.CheckPart(part, total); err != nil {
		return fmt.Errorf("unfinish %s/%s: %w", slide, run, err)
	}
	key := q.names.ProgressKey(slide, run)
	return q.swap(ctx, "unfinish "+key, func(ctx context.Context) error {
		entry, err := q.progress.Get(ctx, key)
		switch {
		case isNotFound(err):
			return nil
		case err != nil:
			return err
		}
		done := parts(entry.Value())
		other := done.check(total) != nil
		if !other && !done.has(part) {
			return nil
		}
		// The permission comes first, so that after a crash in between the mark is still there and all is done again.
		if err := q.allowAnew(ctx, slide, jobs.Segment, jobs.Stitch); err != nil {
			return err
		}
		if other { // an older program's, which counted a run's parts otherwise: all are marked anew
			return q.progress.Delete(ctx, key, jetstream.LastRevision(entry.Revision()))
		}
		done.clear(part)
		_, err = q.progress.Update(ctx, key, done, entry.Revision())
		return err
	})
}

// swap does compare-and-swaps until nobody else comes in between.
func (q *Queue) swap(ctx context.Context, op string, once func(context.Context) error) error {
	return q.call(ctx, op, func(ctx context.Context) error {
		for {
			if err := once(ctx); !isConflict(err) {
				return err
			}
		}
	})
}

// mark does one compare-and-swap.
func (q *Queue) mark(ctx context.Context, key string, part, total int) (bool, error) {
	entry, err := q.progress.Get(ctx, key)
	if isNotFound(err) {
		done := newParts(total)
		done.set(part)
		_, err = q.progress.Create(ctx, key, done)
		return err == nil && done.all(), err
	}
	if err != nil {
		return false, err
	}
	done := parts(entry.Value())
	if err := done.check(total); err != nil {
		return false, err
	}
	if !done.has(part) {
		done.set(part)
		_, err = q.progress.Update(ctx, key, done, entry.Revision())
	}
	return err == nil && done.all(), err
}

// parts is the set of a run's finished parts: the total in 4 bytes, big-endian, then a bit per part.
type parts []byte

const partsHeader = 4

func newParts(total int) parts {
	p := make(parts, partsHeader+(total+7)/8)
	binary.BigEndian.PutUint32(p, uint32(total))
	return p
}

// check refuses a value of another total: a run's plan never changes.
func (p parts) check(total int) error {
	if len(p) != partsHeader+(total+7)/8 || p.total() != total {
		return fmt.Errorf("%w: %d parts, but the run was counted otherwise before", jobs.ErrInvalid, total)
	}
	return nil
}

func (p parts) total() int     { return int(binary.BigEndian.Uint32(p)) }
func (p parts) has(i int) bool { return p[partsHeader+i/8]&(1<<(i%8)) != 0 }
func (p parts) set(i int)      { p[partsHeader+i/8] |= 1 << (i % 8) }
func (p parts) clear(i int)    { p[partsHeader+i/8] &^= 1 << (i % 8) }
func (p parts) all() bool      { return p.count() == p.total() }
func (p parts) count() (n int) {
	for _, b := range p[partsHeader:] {
		n += bits.OnesCount8(b)
	}
	return n
}

// Bury implements jobs.Queue.
func (q *Queue) Bury(ctx context.Context, dead jobs.Dead) error {
	data, err := q.encodeDead(dead)
	if err != nil {
		return err
	}
	return q.call(ctx, "bury "+dead.Job.ID, func(ctx context.Context) error {
		_, err := q.dead.Put(ctx, dead.Job.ID, data)
		return err
	})
}

// buryOnce is Bury, but leaves the reason alone that a worker gave before it was lost.
func (q *Queue) buryOnce(ctx context.Context, dead jobs.Dead) error {
	data, err := q.encodeDead(dead)
	if err != nil {
		return err
	}
	return q.call(ctx, "bury "+dead.Job.ID, func(ctx context.Context) error {
		_, err := q.dead.Create(ctx, dead.Job.ID, data)
		if isConflict(err) {
			return nil
		}
		return err
	})
}

func (q *Queue) encodeDead(dead jobs.Dead) ([]byte, error) {
	data, err := jobs.EncodeDead(dead)
	if err != nil {
		return nil, fmt.Errorf("bury %s: %w", dead.Job.ID, err)
	}
	return data, nil
}

// Dead implements jobs.Queue. The bucket's size bounds the list.
func (q *Queue) Dead(ctx context.Context) (all []jobs.Dead, err error) {
	err = q.call(ctx, "list dead jobs", func(ctx context.Context) error {
		all, err = q.readDead(ctx)
		return err
	})
	slices.SortFunc(all, jobs.CompareDead)
	return all, err
}

func (q *Queue) readDead(ctx context.Context) (all []jobs.Dead, err error) {
	watch, err := q.dead.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer watch.Stop()
	for {
		select {
		case entry, ok := <-watch.Updates():
			if !ok {
				return nil, cmp.Or(ctx.Err(), nats.ErrDisconnected)
			}
			if entry == nil { // that was all
				return all, nil
			}
			all = append(all, readDead(entry))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// readDead shows an entry that can't be read as what it is, rather than hide all others.
func readDead(entry jetstream.KeyValueEntry) jobs.Dead {
	d, err := jobs.DecodeDead(entry.Value())
	if err != nil {
		return jobs.Dead{Job: jobs.Job{ID: entry.Key()}, Reason: err.Error(), At: entry.Created()}
	}
	return d
}

// Again implements jobs.Repeater.
func (q *Queue) Again(ctx context.Context, id string) error {
	return q.call(ctx, "allow again "+id, func(ctx context.Context) error {
		_, err := q.retry.PutString(ctx, id, "")
		return err
	})
}

// Forget implements jobs.Queue. The permission to publish comes first, so that a crash in between
// leaves the job on the list.
func (q *Queue) Forget(ctx context.Context, dead jobs.Dead) error {
	id := dead.Job.ID
	return q.call(ctx, "forget "+id, func(ctx context.Context) error {
		entry, err := q.dead.Get(ctx, id)
		switch {
		case isNotFound(err):
			return nil
		case err != nil:
			return err
		case !readDead(entry).At.Equal(dead.At):
			return nil
		}
		if _, err := q.retry.PutString(ctx, id, ""); err != nil {
			return err
		}
		err = q.dead.Purge(ctx, id, jetstream.LastRevision(entry.Revision()))
		if isConflict(err) { // it has died again since
			return nil
		}
		return err
	})
}
