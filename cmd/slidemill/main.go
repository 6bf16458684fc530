// Command slidemill turns whole-slide images into carcinoma masks that a pathologist can open.
// Each command has a file of its own; drivers (stores, queues, engines) are named here only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	setHeapSlack(heapSlack)
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// heapSlack is how much garbage may lie beside what is in use, in per cent. Nearly all of the heap is
// networks' arenas: they hold no pointers, so that collecting costs little, and they are so large that
// Go's usual 100 would cost gigabytes.
const heapSlack = 20

// lightSlack is heapSlack for workers that run no network: tens of megabytes that are given and let go all the time, where
// collecting at every fifth was a sixth of the stitcher's processor time. Over gigapixel slides a tiler takes 0.34 GB at
// most with it and a stitcher 0.39 GB.
const lightSlack = 300

// setHeapSlack sets it, unless the environment does.
func setHeapSlack(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// Exit codes that scripts rely on.
const (
	exitDone        = 0
	exitFailed      = 1 // at least one slide failed, or the command did
	exitUsage       = 2
	exitUnfinished  = 3   // of who asks whether all is done: nothing is wrong so far, but some slides have not ended
	exitInterrupted = 130 // by the user, short of its end; the same command goes on where it stopped
)

// endless reports a command that works until it is stopped. To interrupt it is how it ends, and no failure for what
// supervises it, such as systemd or a cluster.
func endless(cmd *cobra.Command) bool {
	switch cmd.Name() {
	case "serve", "worker":
		return true
	case "watch":
		once := cmd.Flag("once")
		return once != nil && once.Value.String() == "false"
	}
	return false
}

// merelyStopped reports an error that tells of an interrupt and of nothing beside it.
func merelyStopped(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return !merelyStopped(err) })
	}
	return errors.Is(err, context.Canceled)
}

// errSlidesFailed ends a batch in which some slides failed; each was named when it did.
var errSlidesFailed = errors.New("some slides failed")

// errUnfinished ends a look at slides that have not all ended: what asked may ask again.
var errUnfinished = errors.New("some slides are not finished")

// execute runs one command line and returns its exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return exitCode(ctx, cmd, err, stderr)
}

// exitCode is the one switch from errors to exit codes; it prints the error unless that was done.
func exitCode(ctx context.Context, cmd *cobra.Command, err error, stderr io.Writer) int {
	var usage *usageError
	switch {
	case err == nil, ctx.Err() != nil && endless(cmd) && merelyStopped(err):
		return exitDone
	case ctx.Err() != nil && endless(cmd): // it did not end as it should
		fmt.Fprintf(stderr, "slidemill: %v\n", err)
		return exitFailed
	case ctx.Err() != nil:
		if !errors.Is(err, context.Canceled) && !errors.Is(err, errSlidesFailed) {
			fmt.Fprintf(stderr, "slidemill: %v\n", err)
		}
		fmt.Fprintln(stderr, "\nslidemill: interrupted; the same command goes on where this one stopped")
		return exitInterrupted
	case errors.Is(err, errSlidesFailed):
		return exitFailed
	case errors.Is(err, errUnfinished):
		return exitUnfinished
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "slidemill: %v\n  see: %s --help\n", err, cmd.CommandPath())
		return exitUsage
	default:
		fmt.Fprintf(stderr, "slidemill: %v\n", err)
		return exitFailed
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "slidemill",
		Short: "Whole-slide images in, carcinoma masks out (research use only)",
		Long: `Slidemill cuts whole-slide pathology images into pyramids, segments carcinoma on
them and joins the result into masks, overlays and reports.

Research use only. Not for use in diagnostic procedures. It outlines and ranks;
the pathologist decides.`,
		Example: `  slidemill demo                        a synthetic slide, from end to end
  slidemill run slide.svs               the whole job on a slide of your own
  slidemill serve --data slidemill-data look at the results in a browser`,
		Version:       strings.TrimPrefix(software, "slidemill "),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newRun(), newDemo(), newServe(), newWorker(),
		newSubmit(), newStatus(), newCancel(), newDead(), newWatch(), newSummary(),
		newInspect(), newTile(), newSegment(), newVerify(), newExport(),
		newTrain(), newEvaluate(), newExplain(), newModel(), newSynth(), newDoctor(), newHealthz(), newRights(),
	)
	wordDefaults(root)
	return root
}
