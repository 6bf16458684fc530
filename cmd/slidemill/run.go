package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
	"github.com/slidemill/slidemill/pkg/stitch"
	"github.com/slidemill/slidemill/pkg/store"
)

// runFlags is what `run` and `demo` can be told.
type runFlags struct {
	place
	model     string
	engine    string
	driver    driver // that engine names
	params    segment.Parameters
	workers   int
	threads   int
	json      bool
	maskFirst bool          // see workers.Tile
	silence   time.Duration // see intake.Patience
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run SLIDE…",
		Short: "The whole job on this machine: slide in, carcinoma mask out",
		Long: `Run takes each slide through every stage: pyramid, tissue map, regions over the
queue, segmentation, coverage proof, mask, overlay, contours and report.

It can be interrupted at any time; the same command goes on where it stopped.
A slide that fails is named with its reason, the others are finished.

` + readInTime + `

` + slidesInS3 + `

Exit codes: 0 all slides done, 1 at least one failed, 2 usage, 130 interrupted.`,
		Example: `  slidemill run slide.svs
  slidemill run --mpp 0.25 scan.tiff another.svs
  slidemill run --store s3://pathology/results --json *.svs
  slidemill run s3://scanner/2026/4711.svs`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runSlides(cmd, &f, args) },
	}
	f.flags(cmd)
	return cmd
}

func (f *runFlags) flags(cmd *cobra.Command) {
	f.place.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	threadsFlag(cmd, &f.threads)
	fl.Float64Var(&f.params.MPP, "mpp", 0, "microns per pixel, where the file does not say or says wrong")
	fl.Float64Var(&f.params.Threshold, "threshold", 0, "carcinoma probability from which on a pixel is in the mask (default: the model's)")
	fl.IntVar(&f.params.Region, "region", segment.DefaultRegion, "side of a region in pixels at the model's scale")
	partialFlag(cmd, &f.params.Partial)
	ttaFlag(cmd, &f.params.TTA)
	fl.IntVar(&f.workers, "workers", defaultWorkers(), "regions segmented at once")
	fl.BoolVar(&f.maskFirst, "mask-first", true, "segment as soon as the levels for it are cut, before the whole pyramid is written")
	fl.BoolVar(&f.json, "json", false, "one JSON report per slide on stdout")
}

// runSlides is the body of `run`: a crew in this process, then one slide after the other.
func runSlides(cmd *cobra.Command, f *runFlags, paths []string) (err error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	model, err := openModel(f.model)
	if err != nil {
		return err
	}
	if f.driver, err = openThreaded(f.engine, f.threads); err != nil {
		return err
	}
	f.params.Engine = f.driver.name
	f.params = model.Settle(f.params)
	if err := errors.Join(f.check(), checkSources(paths)); err != nil {
		return &usageError{err}
	}
	shift, err := f.start(ctx, cmd, model)
	if err != nil {
		return err
	}
	defer func() { cancel(); err = errors.Join(err, shift.end()) }()
	var failed []string
	for _, path := range paths {
		if !shift.slide(ctx, path) {
			failed = append(failed, path)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(failed) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: %d of %s failed: %s\n", len(failed), count(len(paths), "slide"), strings.Join(failed, ", "))
		return errSlidesFailed
	}
	return nil
}

func (f *runFlags) check() error {
	if f.workers < 1 || f.workers > 1024 {
		return fmt.Errorf("workers %d: want 1 to 1024", f.workers)
	}
	return f.params.Validate()
}

// shift is one `run`: its crew at work and the desk that hands it slides.
type shift struct {
	cmd    *cobra.Command
	flags  *runFlags
	crew   *crew
	desk   *intake.Desk
	model  *segment.Model
	meter  *meter
	done   chan error
	unlock func() error

	patience *intake.Patience
}

// start opens store and queue and puts the crew to work.
func (f *runFlags) start(ctx context.Context, cmd *cobra.Command, model *segment.Model) (_ *shift, err error) {
	if err := os.MkdirAll(f.data, 0o755); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	unlock, err := lockData(f.data)
	if errors.Is(err, errInUse) && f.nats == "" {
		if s, joinErr := f.join(ctx, cmd, model); s != nil || joinErr != nil {
			return s, joinErr
		}
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closing(&err, unlock)
		}
	}()
	bucket, err := f.openStore(ctx)
	if err != nil {
		return nil, err
	}
	queue, err := f.openRunQueue(ctx)
	if err != nil {
		return nil, err
	}
	events, err := queue.Watch(ctx)
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	c := &crew{bucket: bucket, queue: queue, model: model, driver: f.driver, workers: f.workers, pyramidFirst: !f.maskFirst, ahead: f.elsewhere(), log: f.logger(cmd, silent)}
	loops, err := c.loops(allRoles)
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	s := &shift{
		cmd: cmd, flags: f, crew: c, model: model, meter: newMeter(cmd.ErrOrStderr()), unlock: unlock,
		desk: &intake.Desk{Bucket: bucket, Queue: queue, Events: events}, done: make(chan error, 1),
		patience: &intake.Patience{Silence: f.silence},
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range loops {
		group.Go(func() error { return l.Run(ctx) })
	}
	go func() { s.done <- group.Wait() }()
	return s, nil
}

// join hands the slides to the serve that works in the data folder, if there is one: its workers do the
// work, and this process waits and tells.
func (f *runFlags) join(ctx context.Context, cmd *cobra.Command, model *segment.Model) (*shift, error) {
	bucket, err := f.openStore(ctx)
	if err != nil {
		return nil, err
	}
	system := &reached{bucket: bucket}
	if err := f.call(ctx, system); err != nil || system.queue == nil {
		return nil, err
	}
	if err := system.sameModel(model, f.driver.name); err != nil {
		return nil, errors.Join(err, system.close())
	}
	events, err := system.queue.Watch(ctx)
	if err != nil {
		return nil, errors.Join(err, system.close())
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "the serve at %s works in %s: it does the work\n", system.web, f.data)
	done := make(chan error, 1)
	done <- nil // there is no crew to wait for
	return &shift{
		cmd: cmd, flags: f, crew: &crew{bucket: bucket, queue: system.queue}, model: model, meter: newMeter(cmd.ErrOrStderr()),
		desk: &intake.Desk{Bucket: bucket, Queue: system.queue, Events: events}, done: done, unlock: func() error { return nil },
		patience: &intake.Patience{Silence: f.silence},
	}, nil
}

// end waits for the crew, whose context has ended, and closes what start opened.
func (s *shift) end() error {
	return errors.Join(<-s.done, s.crew.queue.Close(), s.unlock())
}

// slide does one slide and says how it went.
func (s *shift) slide(ctx context.Context, path string) bool {
	name := slide.FileName(path)
	s.meter.begin(name)
	started := time.Now()
	order, report, err := s.order(ctx, path)
	s.meter.finish()
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		s.failed(path, order, err)
		return false
	}
	report.Slide.File = name
	if err := s.finished(report, order, time.Since(started)); err != nil {
		s.failed(path, order, fmt.Errorf("the result is in the store, but not written here: %w", err))
		return false
	}
	return true
}

func (s *shift) order(ctx context.Context, path string) (*intake.Order, *stitch.Report, error) {
	watch := startStopwatch()
	order, err := intake.Prepare(ctx, path, intake.PrepareConfig{
		Model: s.model, Parameters: s.flags.params, Remote: openObject, Patience: s.patience,
		Progress: func(done, total int64) { s.meter.set("read", "kB", done>>10, total>>10) },
	})
	if err != nil {
		return nil, nil, err
	}
	if order.Source, err = findable(path); err != nil { // a serve may do the work, from another folder
		return nil, nil, err
	}
	watch.stage("open")
	if order.Contradiction != "" {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: warning: %s: %s\n", path, order.Contradiction)
	}
	report, err := s.desk.Report(ctx, order)
	if err == nil {
		err = s.desk.Ledger().Call(ctx, order.Slide, slide.FileName(path))
	}
	if !errors.Is(err, store.ErrNotFound) {
		return order, report, err
	}
	if err := s.desk.Submit(ctx, order); err != nil {
		return order, nil, err
	}
	var shown follower
	report, err = s.desk.Wait(ctx, order, func(e jobs.Event) {
		if e.State != jobs.Progress || !shown.follows(&e) {
			return
		}
		watch.stage(string(e.Stage))
		if e.Stage == jobs.Segment && e.Done > 0 {
			watch.region()
		}
		s.meter.set(string(e.Stage), e.Unit, e.Done, e.Total)
	})
	if err == nil {
		report.Seconds = watch.seconds()
	}
	return order, report, err
}

func (s *shift) finished(r *stitch.Report, order *intake.Order, took time.Duration) error {
	out := s.cmd.OutOrStdout()
	if s.flags.json {
		return json.NewEncoder(out).Encode(r)
	}
	text := fmt.Sprintf("%s: done in %.1f s with model %s %s\n", r.Slide.File, took.Seconds(), r.Run.Model.Name, r.Run.Model.Version)
	if r.Seconds.Segment > 0 && r.AnalysedMM2 > 0 {
		text += fmt.Sprintf("  segmented in %.1f s, %.2f s per mm² of tissue\n", r.Seconds.Segment, r.Seconds.Segment/r.AnalysedMM2)
	}
	for _, line := range append(verdict(r), warnings(r)...) {
		text += "  " + line + "\n"
	}
	for _, line := range s.whereabouts(order) {
		text += "  " + line + "\n"
	}
	_, err := fmt.Fprint(out, text+"  research use only, not for diagnostic procedures\n")
	return err
}

// verdict says what was found. Where nothing was analysed there is no "0 %": nobody has looked.
func verdict(r *stitch.Report) []string {
	if r.AnalysedMM2 == 0 {
		return []string{"NOTHING WAS ANALYSED: no tissue was found; a person must look at this slide"}
	}
	lines := []string{fmt.Sprintf("carcinoma %.2f mm² of %.2f mm² tissue analysed (%s), %s, %d smaller foci",
		r.CarcinomaMM2, r.AnalysedMM2, r.Share(), count(len(r.Lesions), "lesion"), r.SmallFoci)}
	if r.UncertainMM2 > 0 {
		lines = append(lines, fmt.Sprintf("uncertain: %.2f mm² unlike the training images, with %.2f mm² of the carcinoma; in no share",
			r.UncertainMM2, r.UncertainCarcinomaMM2))
	}
	if r.NotAnalysedMM2 > 0 {
		lines = append(lines, fmt.Sprintf("not analysed: %.2f mm²", r.NotAnalysedMM2))
	}
	return lines
}

// warnings are the checks that did not pass.
func warnings(r *stitch.Report) (lines []string) {
	for _, c := range r.QC {
		if c.Status != stitch.CheckPassed {
			lines = append(lines, c.Words())
		}
	}
	return lines
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// record writes a failure into the ledger: the queue of a run forgets its dead.
func (s *shift) record(order *intake.Order, cause error) {
	var failure *intake.Failure
	if order == nil || !errors.As(cause, &failure) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.cmd.Context()), 10*time.Second)
	defer cancel()
	end := intake.End{State: intake.Failed, Reason: failure.Reason, At: time.Now().UTC()}
	if err := s.desk.Ledger().Close(ctx, order.Slide, end); err != nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: the failure is not in the ledger: %v\n", err)
	}
}

// failed names the slide and the reason on stderr, and as a report where --json asks for one.
func (s *shift) failed(path string, order *intake.Order, err error) {
	fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: %s: %s\n", path, intake.Reason(err))
	s.record(order, err)
	if !s.flags.json {
		return
	}
	status := stitch.Failed
	var refusal *intake.Refusal
	if errors.As(err, &refusal) {
		status = stitch.Refused
	}
	r := stitch.FailedReport(stitch.Failure{Status: status, Reason: intake.Reason(err), File: slide.FileName(path)})
	if order != nil {
		r.Slide.ID, r.Slide.SHA256, r.Run.ID = order.Slide.String(), fmt.Sprintf("%x", order.SHA256), order.Run.String()
	}
	if err := json.NewEncoder(s.cmd.OutOrStdout()).Encode(r); err != nil {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "slidemill: write report: %v\n", err)
	}
}
