package train

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"time"
)

// epochs runs what is left and reports whether it stopped early.
func (r *run) epochs(ctx context.Context) (stopped bool, err error) {
	first, last := len(r.history), r.cfg.Recipe.Epochs
	if first >= last || r.exhausted() {
		return first < last, nil
	}
	loader, err := r.loader()
	if err != nil {
		return false, err
	}
	work, cancel := context.WithCancel(ctx)
	next, wait := loader.run(work, place{epoch: first}, last)
	defer wait()
	defer cancel()
	for epoch := first; epoch < last; epoch++ {
		rec, err := r.epoch(ctx, epoch, next)
		if err != nil {
			return false, fmt.Errorf("epoch %d: %w", epoch+1, err)
		}
		if err := r.finish(ctx, rec); err != nil {
			return false, fmt.Errorf("epoch %d: %w", epoch+1, err)
		}
		if r.exhausted() {
			return true, nil
		}
		if epoch+1 == r.cfg.Recipe.StopAfter {
			return false, nil
		}
	}
	return false, nil
}

func (r *run) loader() (*Loader, error) {
	rec := r.cfg.Recipe
	order, err := newSampler(rec.Seed, r.cfg.Train, rec.Balance)
	if err != nil {
		return nil, err
	}
	workers := r.cfg.Workers
	if workers == 0 {
		workers = 2
	}
	return &Loader{
		Cases: r.cfg.Train, Batch: rec.Solver.Batch, Size: rec.Solver.Size, Workers: workers,
		Seed: rec.Seed, Norm: rec.Norm, order: order, steps: r.steps,
		Augment: func(epoch int) Augment {
			if epoch >= rec.Epochs-rec.Gentle {
				return rec.Augment.Gentle()
			}
			return rec.Augment
		},
	}, nil
}

// epoch takes all steps of one epoch.
func (r *run) epoch(ctx context.Context, epoch int, next func() (*Batch, error)) (*Record, error) {
	start := time.Now()
	rec := &Record{Epoch: epoch + 1}
	sum := 0.0
	for step := range r.steps {
		b, err := next()
		if err != nil {
			return nil, err
		}
		rec.Rate = r.schedule.At(epoch*r.steps + step)
		loss, err := r.trainer.Step(ctx, b, rec.Rate)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", step+1, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("step %d: the loss is %g; lower the learning rate", step+1, loss)
		}
		if err := r.averageIn(); err != nil {
			return nil, err
		}
		sum += loss
		rec.Images += len(b.Cases)
		rec.Loss, rec.Seconds = sum/float64(step+1), time.Since(start).Seconds()
		r.tell(r.progress(rec, step+1))
	}
	return rec, nil
}

func (r *run) averageIn() error {
	n, err := r.trainer.Net()
	if err != nil {
		return err
	}
	r.average.add(n)
	return nil
}

func (r *run) progress(rec *Record, step int) Progress {
	per := rec.Seconds / float64(rec.Images)
	images := ((r.cfg.Recipe.Epochs-rec.Epoch)*r.steps + r.steps - step) * r.cfg.Recipe.Solver.Batch
	return Progress{
		Epoch: rec.Epoch, Epochs: r.cfg.Recipe.Epochs, Step: step, Steps: r.steps, Loss: rec.Loss,
		SecondsPerImage: per, ETA: time.Duration(per * float64(images) * float64(time.Second)),
	}
}

// finish validates, remembers the best and writes the checkpoint.
func (r *run) finish(ctx context.Context, rec *Record) error {
	every := max(r.cfg.Recipe.Validate, 1)
	if rec.Epoch%every == 0 || rec.Epoch == r.cfg.Recipe.Epochs {
		scores, err := r.scores(ctx, r.average.net)
		if err != nil {
			return err
		}
		rec.Val = &scores
	}
	r.history = append(r.history, *rec)
	if at := bestEpoch(r.history); at == rec.Epoch {
		r.bestAt, r.best = at, flatten(r.average.net)
	}
	if err := r.keep(); err != nil {
		return err
	}
	p := r.progress(rec, r.steps)
	p.Record = rec
	r.tell(p)
	return nil
}

// exhausted says whether the last Patience validations brought nothing better.
func (r *run) exhausted() bool {
	if r.cfg.Recipe.Patience == 0 || r.bestAt == 0 {
		return false
	}
	since := 0
	for _, rec := range r.history[r.bestAt:] {
		if rec.Val != nil {
			since++
		}
	}
	return since >= r.cfg.Recipe.Patience
}

// keep writes checkpoint, history and curves.
func (r *run) keep() error {
	if r.cfg.Dir == "" {
		return nil
	}
	state, err := r.trainer.Save()
	if err != nil {
		return err
	}
	c := checkpoint{
		Recipe: r.hash, Epoch: len(r.history), Trainer: state, Average: flatten(r.average.net),
		Steps: r.average.steps, Best: r.best, History: r.history,
	}
	if err := c.write(r.checkpointPath()); err != nil {
		return err
	}
	history, err := json.MarshalIndent(r.history, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(r.cfg.Dir, "history.json"), append(history, '\n')); err != nil {
		return err
	}
	return plotHistory(r.history, filepath.Join(r.cfg.Dir, "curves.png"))
}
