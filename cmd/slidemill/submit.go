package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/slide"
)

// submitFlags is what `submit` can be told.
type submitFlags struct {
	place
	accession, priority, model, engine string
	params                             segment.Parameters
	json                               bool
}

func newSubmit() *cobra.Command {
	var f submitFlags
	cmd := &cobra.Command{
		Use:   "submit SLIDE…",
		Short: "Order slides from a running system, and do not wait",
		Long: `Submit checks each slide, names it by content and puts it into the queue: that of
--nats, or of the serve that works in the data folder. The workers must find the slide
under the same path or address. Where nothing runs the order waits for the next serve.

` + readInTime + `

` + slidesInS3 + `

The accession is kept in the order's record and nowhere else: not in keys, logs or URLs.
An order without one, such as that of run, leaves the one that is known. One without
--priority has that of the slide's last order, if that came to nothing. What failed of an
earlier file at the same path counts as replaced, and its accession goes on. A mask that is named
with its slide (NAME.mask.tiff with NAME.tiff, as by *.tiff) is left out.

Exit codes: 0 all ordered, 1 at least one refused, 2 usage.`,
		Example: `  slidemill submit --accession S26-1042 --priority stat slide.svs
  slidemill submit --nats nats://queue:4222 --store s3://pathology/results /scans/*.svs
  slidemill submit s3://scanner/2026/4711.svs`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return submit(cmd, &f, args) },
	}
	f.place.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.accession, "accession", "", "the case that the slides belong to")
	fl.StringVar(&f.priority, "priority", string(jobs.Routine), "routine, urgent or stat")
	fl.StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	fl.Float64Var(&f.params.MPP, "mpp", 0, "microns per pixel, where the file does not say or says wrong")
	fl.Float64Var(&f.params.Threshold, "threshold", 0, "carcinoma probability from which on a pixel is in the mask (default: the model's)")
	regionFlag(cmd, &f.params.Region)
	partialFlag(cmd, &f.params.Partial)
	ttaFlag(cmd, &f.params.TTA)
	fl.BoolVar(&f.json, "json", false, "one JSON object per slide on stdout")
	return cmd
}

func submit(cmd *cobra.Command, f *submitFlags, paths []string) (err error) {
	priority, err := jobs.ParsePriority(f.priority)
	if err == nil {
		err = intake.CheckAccession(f.accession)
	}
	if err != nil {
		return &usageError{err}
	}
	if !cmd.Flags().Changed("priority") {
		priority = "" // not said: what the slide had stays, see intake.Desk.Submit
	}
	model, err := openModel(f.model)
	if err != nil {
		return err
	}
	driver, err := openFor(f.engine, 0, model)
	if err != nil {
		return err
	}
	f.params.Engine = driver.name
	f.params, err = settle(cmd, model, f.params)
	if err := errors.Join(err, checkSources(paths)); err != nil {
		return &usageError{err}
	}
	system, err := f.reach(cmd.Context())
	if err != nil {
		return err
	}
	defer closing(&err, system.close)
	if err := system.sameModel(model, driver.name); err != nil {
		return err
	}
	desk, err := system.reception(cmd.Context(), model, f.params)
	if err != nil {
		return err
	}
	bad, waiting := 0, 0
	for _, path := range withoutMasks(cmd, paths) {
		state, err := f.one(cmd, desk, intake.Request{Path: path, Accession: f.accession, Priority: priority})
		if err != nil {
			return err
		}
		switch {
		case unfit(state):
			bad++
		case !intake.Ended(state):
			waiting++
		}
	}
	system.sayIdle(cmd.ErrOrStderr(), &f.place, waiting)
	if bad > 0 {
		return errSlidesFailed
	}
	return nil
}

// withoutMasks are the slides of a command line, which often names masks beside them with the same pattern.
func withoutMasks(cmd *cobra.Command, paths []string) []string {
	slides, masks := intake.WithoutMasks(paths)
	if masks > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "left out, as masks of slides that are named too: %s (NAME.mask.tiff)\n", count(masks, "file"))
	}
	return slides
}

// unfit reports a state in which a slide was not ordered.
func unfit(state string) bool { return state == intake.Failed || state == intake.Refused }

// one orders a slide, says what became of it and returns how it stands.
func (f *submitFlags) one(cmd *cobra.Command, desk *intake.Reception, q intake.Request) (state string, err error) {
	file := slide.FileName(q.Path)
	if q.Path, err = findable(q.Path); err != nil {
		return "", err
	}
	t, err := desk.Take(cmd.Context(), q)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	if err := desk.ReplaceAt(cmd.Context(), t.Slide, q.Path); err != nil {
		return "", fmt.Errorf("%s: it is taken, but what lay in its place before stands as failed still: %w", file, err)
	}
	if t.Warning != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: warning: %s: %s\n", file, t.Warning)
	}
	var changed []string
	if t.Known { // what is said of it now may be another than before
		if changed, err = desk.Amend(cmd.Context(), t.Slide, q); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
	}
	if f.json {
		return t.State, json.NewEncoder(cmd.OutOrStdout()).Encode(submitted(file, t, changed))
	}
	if unfit(t.State) {
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "slidemill: %s: %s: %s\n", file, t.State, t.Reason)
		return t.State, err
	}
	said := "ordered, " + string(t.Priority)
	if t.Known {
		said = strings.Join(append([]string{"known already, " + t.State}, changed...), "; ")
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%v  %s  %s\n", t.Slide, said, file)
	return t.State, err
}

// findable makes a path that workers in other folders find. An address is the same from everywhere.
func findable(path string) (string, error) {
	if slide.IsRemote(path) {
		return path, nil
	}
	return filepath.Abs(path)
}

// order is a slide's line of `submit --json`.
type order struct {
	Slide    string        `json:"slide,omitempty"`
	File     string        `json:"file"`
	State    string        `json:"state"`
	Reason   string        `json:"reason,omitempty"`
	Known    bool          `json:"known,omitempty"`
	Priority jobs.Priority `json:"priority"`
	Changed  []string      `json:"changed,omitempty"` // of a slide that was known
}

func submitted(file string, t intake.Taken, changed []string) order {
	o := order{File: file, State: t.State, Reason: t.Reason, Known: t.Known, Priority: t.Priority, Changed: changed}
	if t.Slide != ([12]byte{}) {
		o.Slide = t.Slide.String()
	}
	return o
}
