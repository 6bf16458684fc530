package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slidemill/slidemill/pkg/segment"
	"github.com/slidemill/slidemill/pkg/watch"
)

// folderFlags is what can be said of a watched folder.
type folderFlags struct {
	settle     time.Duration
	quarantine string
	summary    string
}

func (f *folderFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	spanFlag(cmd, &f.settle, "settle", watch.DefaultSettle, "how long a file must stay the same before it counts as whole")
	fl.StringVar(&f.quarantine, "quarantine", "", "move the files of failed slides to this folder, with the reason until they are moved back and done (default: leave them)")
	fl.StringVar(&f.summary, "summary", "", "folder of summary.html and summary.csv (default: DATA/summary)")
}

// watchFlags is what `watch` can be told.
type watchFlags struct {
	place
	folderFlags
	model   string
	engine  string
	params  segment.Parameters
	workers int
	once    bool
}

func newWatch() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch DIR",
		Short: "Overnight intake of a scanner's folder",
		Long: `Watch takes each slide of the folder and of those below it once it is whole, and
each once even across restarts; the DICOM files of one series in a folder are one slide.
A CSV worklist beside the slides (columns file, accession, priority, mpp) says to which case
they belong and how urgent they are. Of files that hold the same slide one is taken, and what
it says of any of them counts.
Of lines that say different things of one file the last counts, of worklists the one that
was written last, and each such line is named, here and in the summary. So is a line of more
cells than the header has columns, as a decimal comma makes one (1,3; quote it, or separate the
cells by ";"): its scale does not count. A list is read as UTF-8. What is
corrected there later counts, a priority until work on the slide has begun, and both also while
its file lies in quarantine and when it is tried again from there; one whose mpp is
corrected is ordered anew, as what was measured at a wrong scale is wrong.
A slide that it names and that does not come is missing; a file whose name is nearly its,
but for case, extension, folder or accents, is pointed out and left as it is.
Files that fail are named with the reason; the others go on. One that is copied anew under
its name is taken as the file that it is now, and what failed counts as replaced; one that is put
back as it was goes to quarantine again, and that is said. A mask beside its slide
(NAME.mask.tiff or NAME.mask.tif beside NAME.svs, NAME.tiff, …) is no slide and is left
out, unless a worklist names it.

` + readInTime + `
Such a file is tried again later, after the others; it is not moved to quarantine. A folder
that does not answer, as when its network drive is away, is named here and in the summary,
and watched again when it does; what was ordered goes on.

Orders go to --nats, or to the serve that works in the data folder. Where there is
none, watch does the work itself.

The summary is written when the folder is done, every few minutes before, and at the end.
It has also what was ordered in the last 18 hours by others, or an earlier watch, and is done
or came to nothing, wherever its file is by now.

Exit codes with --once: 0 all slides done, 1 at least one failed, 3 none, but one that does not lie
in the folder is tried again and not finished: the same command goes on; 130 interrupted. Without it
watch ends when it is interrupted, with 0.`,
		Example: `  slidemill watch /scans --quarantine /scans-failed
  slidemill watch /scans --once`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return watchFolder(cmd, &f, args[0]) },
	}
	f.place.flags(cmd)
	f.folderFlags.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "model file (default: the built-in model)")
	engineFlag(cmd, &f.engine)
	fl.Float64Var(&f.params.MPP, "mpp", 0, "microns per pixel, where file and worklist do not say")
	fl.Float64Var(&f.params.Threshold, "threshold", 0, "carcinoma probability from which on a pixel is in the mask (default: the model's)")
	regionFlag(cmd, &f.params.Region)
	partialFlag(cmd, &f.params.Partial)
	ttaFlag(cmd, &f.params.TTA)
	fl.IntVar(&f.workers, "workers", defaultWorkers(), "regions segmented at once, where nobody else works; 0 only orders")
	fl.BoolVar(&f.once, "once", false, "end when each slide that lies in the folder has ended")
	return cmd
}

func watchFolder(cmd *cobra.Command, f *watchFlags, dir string) (err error) {
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
	if err := errors.Join(err, checkWorkers(f.workers, 0)); err != nil {
		return &usageError{err}
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	system, err := f.reach(ctx)
	if err != nil {
		return err
	}
	defer closing(&err, system.close)
	if err := system.sameModel(model, driver.name); err != nil {
		return err
	}
	log := f.logger(cmd, slog.LevelWarn)
	group, ctx := errgroup.WithContext(ctx)
	if system.alone && f.workers > 0 {
		c := &crew{bucket: system.bucket, queue: system.queue, model: model, driver: driver, workers: f.workers, ahead: f.elsewhere(), log: f.logger(cmd, silent)}
		if err := c.work(ctx, group, allRoles); err != nil {
			return err
		}
	}
	desk, err := system.reception(ctx, model, f.params)
	if err != nil {
		return err
	}
	r := &round{system: system, flags: &f.folderFlags, place: &f.place, cmd: cmd}
	if err := r.open(ctx, dir, desk, log); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "watching %s; interrupt to stop\n", dir)
	err = r.watcher.Run(ctx, f.once)
	cancel()
	if failure := ignoreCancel(group.Wait()); failure != nil {
		err = errors.Join(err, failure)
	}
	return r.end(err)
}

// work puts the workers of the roles to work in the group.
func (c *crew) work(ctx context.Context, group *errgroup.Group, roles []string) error {
	loops, err := c.loops(roles)
	if err != nil {
		return err
	}
	for _, l := range loops {
		group.Go(func() error { return l.Run(ctx) })
	}
	return nil
}
