package jetstream

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Publish implements jobs.Queue. A job is dropped if it still waits, however old, or if its ID was
// published within the window, unless Forget, Again or Cancel allowed it once more.
func (q *Queue) Publish(ctx context.Context, job jobs.Job) error {
	data, err := jobs.Encode(job)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	subject := q.names.Subject(job.Lane(), job.Identity())
	return q.call(ctx, "publish "+job.ID, func(ctx context.Context) error {
		seen, err := q.publish(ctx, subject, data, job.ID)
		if err != nil || !seen {
			return err
		}
		if seen, err = q.publishAgain(ctx, subject, data, job.ID); err != nil || !seen {
			return err
		}
		return q.publishAnew(ctx, subject, data, job)
	})
}

// publish stores the job unless the server has seen the message's id lately.
func (q *Queue) publish(ctx context.Context, subject string, data []byte, id string) (seen bool, err error) {
	ack, err := q.js.Publish(ctx, subject, data, jetstream.WithMsgID(id), jetstream.WithExpectStream(q.names.Stream()))
	if isWaiting(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return ack.Duplicate, nil
}

// publishAgain honours a permission that Forget or Again left. The message's id is made of it, so that however
// many publish at once, one message comes of one permission.
func (q *Queue) publishAgain(ctx context.Context, subject string, data []byte, id string) (seen bool, err error) {
	permit, err := q.retry.Get(ctx, id)
	if isNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := q.publish(ctx, subject, data, fmt.Sprintf("%s#%d", id, permit.Revision())); err != nil {
		return false, err
	}
	err = q.retry.Delete(ctx, id, jetstream.LastRevision(permit.Revision()))
	if isConflict(err) {
		err = nil // somebody else did, or Forget renewed it
	}
	return false, err
}

// publishAnew publishes a job whose slide was cancelled since. Each cancellation allows each job once: it
// is in the message's id, and expires after the window, when the server has forgotten the job by itself. A
// job that was published the first time after the cancellation may come of it twice, which is harmless.
func (q *Queue) publishAnew(ctx context.Context, subject string, data []byte, job jobs.Job) error {
	permit, err := q.retry.Get(ctx, q.names.AgainKey(job.Stage, job.Slide))
	if isNotFound(err) {
		return nil
	}
	if err == nil {
		_, err = q.publish(ctx, subject, data, fmt.Sprintf("%s@%d", job.ID, permit.Revision()))
	}
	return err
}

// Cancel implements jobs.Canceller. What was waiting goes first, or a job that is published in between could
// use the permission up and go with the others.
func (q *Queue) Cancel(ctx context.Context, slide pyramid.SlideID) (gone int64, err error) {
	err = q.call(ctx, "cancel "+slide.String(), func(ctx context.Context) error {
		before, err := q.count(ctx, q.names.JobsFor(slide))
		if err == nil && before > 0 {
			gone = before
			err = q.stream.Purge(ctx, jetstream.WithPurgeSubject(q.names.JobsFor(slide)))
		}
		if err != nil {
			return err
		}
		return q.allowAnew(ctx, slide, jobs.Stages()...)
	})
	return gone, err
}

// Withdraw implements jobs.Withdrawer.
func (q *Queue) Withdraw(ctx context.Context, id string, keep ...jobs.Lane) (was bool, err error) {
	parsed, err := jobs.ParseID(id)
	if err != nil {
		return false, fmt.Errorf("withdraw: %w: %w", jobs.ErrInvalid, err)
	}
	err = q.call(ctx, "withdraw "+id, func(ctx context.Context) error {
		found, err := q.waiting(ctx, q.names.Subjects(parsed))
		for subject := range found {
			lane, _, parseErr := q.names.ParseSubject(subject)
			if err != nil || parseErr == nil && slices.Contains(keep, lane) {
				continue
			}
			was = true // whatever becomes of a repeated call
			err = q.stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
		}
		return err
	})
	if err != nil || len(keep) > 0 {
		return was, err
	}
	return was, q.Again(ctx, id)
}

// allowAnew permits to publish each of a slide's jobs of the stages once more. It is one key per stage, within the rights
// of the stage's publishers, however many jobs there were.
func (q *Queue) allowAnew(ctx context.Context, slide pyramid.SlideID, stages ...jobs.Stage) error {
	for _, s := range stages {
		if _, err := q.retry.PutString(ctx, q.names.AgainKey(s, slide), ""); err != nil {
			return err
		}
	}
	return nil
}

// count is the number of messages on subjects that match.
func (q *Queue) count(ctx context.Context, subjects string) (n int64, err error) {
	found, err := q.waiting(ctx, subjects)
	for _, messages := range found {
		n += int64(messages)
	}
	return n, err
}

// waiting is the number of messages on each subject that matches.
func (q *Queue) waiting(ctx context.Context, subjects string) (map[string]uint64, error) {
	info, err := q.stream.Info(ctx, jetstream.WithSubjectFilter(subjects))
	if err != nil {
		return nil, err
	}
	return info.State.Subjects, nil
}

// Slides are those that have jobs, waiting or in hand, with how many.
func (q *Queue) Slides(ctx context.Context) (slides map[pyramid.SlideID]int64, err error) {
	err = q.call(ctx, "list slides", func(ctx context.Context) error {
		found, err := q.waiting(ctx, q.names.AllJobs())
		slides = map[pyramid.SlideID]int64{}
		for subject, messages := range found {
			if _, id, parseErr := q.names.ParseSubject(subject); parseErr == nil {
				slides[id.Slide] += int64(messages)
			}
		}
		return err
	})
	return slides, err
}

// Depths implements jobs.Gauge.
func (q *Queue) Depths(ctx context.Context) (all []jobs.Depth, err error) {
	err = q.call(ctx, "count jobs", func(ctx context.Context) error {
		all = nil
		for _, s := range jobs.Stages() {
			for _, p := range jobs.Priorities() {
				d, err := q.depth(ctx, s, p)
				if err != nil {
					return err
				}
				all = append(all, d)
			}
		}
		return nil
	})
	return all, err
}

// depth adds the lanes of a priority up.
func (q *Queue) depth(ctx context.Context, s jobs.Stage, p jobs.Priority) (jobs.Depth, error) {
	d := jobs.Depth{Stage: s, Priority: p}
	for row := range jobs.Rows {
		c, err := q.stream.Consumer(ctx, q.names.Consumer(s, jobs.Lane{Priority: p, Row: row}))
		if err != nil {
			return d, err
		}
		info := c.CachedInfo()
		d.Waiting += int64(info.NumPending)
		d.InHand += int64(info.NumAckPending)
	}
	return d, nil
}
