package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slidemill/slidemill/pkg/segment/net"
)

// Recipe is everything that, with the data and the starting weights, decides the weights.
type Recipe struct {
	Seed      uint64             `json:"seed"`
	Epochs    int                `json:"epochs"`
	Steps     int                `json:"steps"` // batches in an epoch; 0: as many as see each image once
	Solver    Solver             `json:"solver"`
	Peak      float64            `json:"learningRate"`
	Final     float64            `json:"finalLearningRate"`
	Warmup    float64            `json:"warmupEpochs"`
	Average   float64            `json:"average"`      // decay of the weight average, per step
	Balance   map[string]float64 `json:"balance"`      // weight of a group against its size
	Augment   Augment            `json:"augment"`      // of all but the last epochs
	Gentle    int                `json:"gentleEpochs"` // how many these are
	Norm      Normalisation      `json:"normalisation"`
	Patience  int                `json:"patience"` // stop after so many validations without a better one; 0: never
	Validate  int                `json:"validate"` // epochs between validations; the last is always one
	StopAfter int                `json:"-"`        // stop as if interrupted after this epoch, for tests and measurements; 0: never
}

// DefaultRecipe is what the built-in model was trained with. Samples are larger than the images and mirrored
// around them: pixels of a slide see the whole receptive field filled, so those of training must too.
func DefaultRecipe() Recipe {
	return Recipe{
		Seed: 1, Epochs: 28,
		Solver: Solver{Batch: 6, Size: 288, Dice: 0.5, Momentum: 0.1, Beta1: 0.9, Beta2: 0.99, WeightDecay: 0.05, Clip: 5, Tile: 4},
		Peak:   1.8e-3, Final: 1e-5, Warmup: 1, Average: 0.998,
		Balance: map[string]float64{"normal": 1.6, "serrated-adenoma": 1.6, "high-grade-in": 1.5, "adenocarcinoma": 1.1, "low-grade-in": 0.9, "polyp": 0.75},
		Augment: DefaultAugment(), Gentle: 5, Validate: 3,
	}
}

// Config is a run.
type Config struct {
	Recipe  Recipe
	Start   *net.Net // the architecture and the weights to begin with
	Train   []Case
	Val     []Case
	Backend Backend
	Dir     string // checkpoint, history and curves are kept here; "" keeps none
	Workers int    // goroutines that augment; 0 means 2
	Context int    // mirrored pixels around images in validation; 0 means the net's whole halo, as in use
}

// Validate reports a run that cannot work.
func (c *Config) Validate() error {
	r := c.Recipe
	switch {
	case len(c.Train) == 0:
		return errors.New("no training images")
	case len(c.Val) == 0:
		return errors.New("no validation images; put the images of some patients into val")
	case c.Start == nil || c.Backend == nil:
		return errors.New("no network or no backend")
	case r.Epochs < 1 || r.Steps < 0 || r.Solver.Batch < 1 || r.Solver.Size < 32:
		return fmt.Errorf("%d epochs of %d steps of %d images of %d pixels: need at least 1, 0, 1 and 32", r.Epochs, r.Steps, r.Solver.Batch, r.Solver.Size)
	case !(r.Peak > 0) || r.Final < 0 || r.Average < 0 || r.Average >= 1:
		return fmt.Errorf("learning rate %g to %g, average %g: need above 0, at least 0, and from 0 to below 1", r.Peak, r.Final, r.Average)
	}
	return disjoint(c.Train, c.Val)
}

// disjoint refuses patients on both sides: figures on them would flatter.
func disjoint(train, val []Case) error {
	seen := map[string]bool{}
	for _, c := range train {
		seen[c.Patient] = true
	}
	for _, c := range val {
		if seen[c.Patient] {
			return fmt.Errorf("a patient is in both train and val, for example in image %s; split by patient", c.Name)
		}
	}
	return nil
}

// Record is one epoch of the history.
type Record struct {
	Epoch   int     `json:"epoch"` // 1 is the first
	Loss    float64 `json:"loss"`
	Rate    float64 `json:"rate"`    // learning rate of the last step
	Seconds float64 `json:"seconds"` // training alone
	Images  int     `json:"images"`
	Val     *Scores `json:"val,omitempty"`
}

// Progress tells how far a run is. It is sent after every step, with Record set after every epoch.
type Progress struct {
	Epoch, Epochs, Step, Steps int
	Loss                       float64 // mean over the epoch so far
	SecondsPerImage            float64
	ETA                        time.Duration
	Record                     *Record
}

// Result is the outcome of a run.
type Result struct {
	Net       *net.Net // the best averaged weights
	Last      *net.Net // the averaged weights at the end
	BestEpoch int
	History   []Record
	Stopped   bool // early, as validation got no better
}

// run is a run in progress.
type run struct {
	cfg      Config
	hash     string
	align    int
	steps    int
	schedule Schedule
	trainer  Trainer
	average  *average
	best     []float32
	bestAt   int
	history  []Record
	tell     func(Progress)
}

// Run trains until the last epoch, until validation stops getting better, or until ctx ends. With a
// checkpoint of the same recipe and data in Dir it goes on from there and ends in the same bytes as a
// run that was never interrupted.
func Run(ctx context.Context, cfg Config, tell func(Progress)) (*Result, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	r, err := newRun(cfg, tell)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := r.resume(); err != nil {
		return nil, fmt.Errorf("train: resume: %w", err)
	}
	stopped, err := r.epochs(ctx)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return r.result(stopped)
}

func newRun(cfg Config, tell func(Progress)) (*run, error) {
	field, err := cfg.Start.Field()
	if err != nil {
		return nil, err
	}
	if cfg.Context == 0 {
		cfg.Context = field.Halo()
	}
	if tell == nil {
		tell = func(Progress) {}
	}
	r := &run{cfg: cfg, align: field.Side(), tell: tell}
	if r.cfg.Recipe.Norm == (Normalisation{}) {
		r.cfg.Recipe.Norm = Measure(cfg.Train)
	}
	if r.steps = cfg.Recipe.Steps; r.steps == 0 {
		r.steps = max(len(cfg.Train)/cfg.Recipe.Solver.Batch, 1)
	}
	rec := r.cfg.Recipe
	r.schedule = Schedule{Peak: rec.Peak, Final: rec.Final, Warmup: int(rec.Warmup * float64(r.steps)), Total: rec.Epochs * r.steps}
	if r.hash, err = r.fingerprint(); err != nil {
		return nil, err
	}
	r.average = newAverage(cfg.Start, rec.Average)
	r.trainer, err = cfg.Backend.NewTrainer(cfg.Start, rec.Solver)
	return r, err
}

// fingerprint is the hash of all that decides the weights.
func (r *run) fingerprint() (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(r.cfg.Recipe); err != nil {
		return "", err
	}
	if err := json.NewEncoder(h).Encode(r.cfg.Start); err != nil {
		return "", err
	}
	hashCases(h, r.cfg.Train)
	hashCases(h, r.cfg.Val)
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashCases(h hash.Hash, cases []Case) {
	for _, c := range cases {
		fmt.Fprintf(h, "%q %q %q %d %d\n", c.Name, c.Patient, c.Group, c.W, c.H)
		h.Write(c.RGB)
		h.Write(c.Label)
	}
}

// DataHash names a data set by its content.
func DataHash(cases []Case) string {
	h := sha256.New()
	hashCases(h, cases)
	return hex.EncodeToString(h.Sum(nil))
}

func (r *run) checkpointPath() string { return checkpointPath(r.cfg.Dir) }

func checkpointPath(dir string) string { return filepath.Join(dir, "checkpoint") }

// Begun reports whether a training has kept a checkpoint in a folder, from which Run goes on or which it refuses.
func Begun(dir string) bool {
	_, err := os.Stat(checkpointPath(dir))
	return err == nil
}

// Stored reads the outcome so far out of a run's folder, also while it goes on; start is the network
// that the run began with.
func Stored(dir string, start *net.Net) (*Result, error) {
	c, err := readCheckpoint(checkpointPath(dir))
	if err != nil {
		return nil, fmt.Errorf("stored run: %w", err)
	}
	r := &run{average: newAverage(start, 0), history: c.History, best: c.Best, bestAt: bestEpoch(c.History)}
	if err := unflatten(r.average.net, c.Average); err != nil {
		return nil, fmt.Errorf("stored run in %s: %w", dir, err)
	}
	return r.result(false)
}

func (r *run) resume() error {
	if r.cfg.Dir == "" {
		return nil
	}
	if err := os.MkdirAll(r.cfg.Dir, 0o755); err != nil {
		return err
	}
	c, err := readCheckpoint(r.checkpointPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Recipe != r.hash {
		return fmt.Errorf("checkpoint in %s belongs to another recipe or data set; choose another folder or delete it", r.cfg.Dir)
	}
	return r.restore(c)
}

func (r *run) restore(c *checkpoint) error {
	if err := r.trainer.Load(c.Trainer); err != nil {
		return err
	}
	if err := unflatten(r.average.net, c.Average); err != nil {
		return err
	}
	r.average.steps, r.history, r.best = c.Steps, c.History, c.Best
	r.bestAt = bestEpoch(c.History)
	return nil
}

// bestEpoch is the epoch of the best validation, 0 for none.
func bestEpoch(history []Record) int {
	best, at := 0.0, 0
	for _, rec := range history {
		if rec.Val != nil && (at == 0 || rec.Val.value() > best) {
			best, at = rec.Val.value(), rec.Epoch
		}
	}
	return at
}

func (r *run) result(stopped bool) (*Result, error) {
	res := &Result{Last: r.average.net, Net: r.average.net.Clone(), BestEpoch: r.bestAt, History: r.history, Stopped: stopped}
	if len(r.best) > 0 {
		if err := unflatten(res.Net, r.best); err != nil {
			return nil, err
		}
	}
	return res, nil
}
