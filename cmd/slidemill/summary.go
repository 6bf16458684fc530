package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/summary"
	"github.com/slidemill/slidemill/pkg/watch"
)

// summaryFlags is what `summary` can be told.
type summaryFlags struct {
	place
	out, folder string
	since       time.Duration
}

func newSummary() *cobra.Command {
	var f summaryFlags
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "The morning summary of a night's orders, as HTML and CSV",
		Long: `Summary writes summary.html and summary.csv: every slide ordered in the time, done,
failed or refused and why, how long it took, with its picture; and its copies, which count for
nothing. With --folder each slide file of the folder is accounted for, by its own name and
accession: what became of the slide that it holds, ordered under that name or another one, or that
nobody ordered it (not ordered), but for what changed in the last 30 seconds: a scanner may still
be writing it. Those that were ordered before that time and need nobody any more are counted. The
slides that the folder's worklists (CSV) name and that never came are named (missing). It names files
and accessions: keep it where your other lists lie.

While a ` + "`watch`" + ` works alone its data folder is closed, and its own summary is the one to read: it
writes that every few minutes while slides end. ` + "`serve --watch DIR`" + ` does the same and lets this
command in.

Areas are in mm². carcinoma_fraction is the share of the tissue that is not uncertain. What each
column of the CSV means, with its unit, is in docs/summary.md.

Exit codes: 0 all slides have ended and none needs a person for want of a result, 1 at least one
slide failed, was refused, was interrupted, is missing or was not ordered, or a line of a worklist
makes no sense, 2 usage, 3 nothing of that, but some slides are not finished or still being
written: ask again later.`,
		Example: "  slidemill summary --since 12h --out morning\n  slidemill summary --folder /scans\n  while slidemill summary; [ $? = 3 ]; do sleep 600; done",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return writeSummary(cmd, &f) },
	}
	f.place.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "folder of the two files (default: DATA/summary)")
	fl.StringVar(&f.folder, "folder", "", "the watched folder, whose slides and worklists say what should be there")
	spanFlag(cmd, &f.since, "since", aNight, "how far back to look")
	return cmd
}

// aNight is how far back a summary looks, if nobody says otherwise: from the evening before to the next noon.
const aNight = 18 * time.Hour

func writeSummary(cmd *cobra.Command, f *summaryFlags) (err error) {
	if f.since <= 0 {
		return &usageError{errors.New("--since 0 is no time: the summary of it would be empty, in the place of one that is not")}
	}
	system, err := f.visit(cmd.Context())
	if errors.Is(err, errInUse) {
		return fmt.Errorf("%w. %s", err, f.meanwhile())
	}
	if err != nil {
		return err
	}
	defer closing(&err, system.close)
	r, err := f.reckon(cmd, system)
	if err != nil {
		return err
	}
	s, err := summary.New(cmd.Context(), r.rows(), summary.Previews(system.bucket))
	if err != nil {
		return err
	}
	s.Problems, s.Idle = r.folder.Problems, system.idle(&f.place, len(r.open.waiting))
	html, err := s.Save(summaryFolder(f.data, f.out))
	if err != nil {
		return err
	}
	r.tell(cmd.ErrOrStderr())
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", s.Headline(), html)
	r.open.sayStranded(cmd.ErrOrStderr())
	system.sayIdle(cmd.ErrOrStderr(), &f.place, len(r.open.waiting))
	return r.verdict(s)
}

// meanwhile says what there is to read while another process has the data folder: a watch that works alone writes its
// summary all night.
func (f *summaryFlags) meanwhile() string {
	html := filepath.Join(summaryFolder(f.data, ""), "summary.html")
	st, err := os.Stat(html)
	if err != nil {
		return fmt.Sprintf("A watch writes %s when slides have ended, every few minutes, or into the folder of its --summary", html)
	}
	return fmt.Sprintf("The last summary there is %s, of %s: a watch writes it anew every few minutes while slides end, or into the folder of its --summary",
		html, st.ModTime().Format("2006-01-02 15:04"))
}

// inventory is what the orders say of the folder of --folder.
func (f *summaryFlags) inventory(cmd *cobra.Command, system *reached) (*watch.Inventory, error) {
	ctx := cmd.Context()
	if f.folder == "" {
		return &watch.Inventory{}, nil
	}
	lines, err := system.ledger().Lines(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	own := []string{f.data, summaryFolder(f.data, f.out)}
	if folder := f.storeFolder(); folder != "" {
		own = append(own, folder)
	}
	c := watch.Config{Dir: f.folder, Skip: own, Settle: watch.DefaultSettle, Log: f.logger(cmd, slog.LevelWarn)}
	m := newMeter(cmd.ErrOrStderr())
	m.begin(f.folder)
	defer m.finish()
	return watch.TakeInventory(ctx, c, lines, func(done, total int64) { m.set("read", "kB", kilobytes(done), kilobytes(total)) })
}

// kilobytes rounds up: of small files, too, there is something to read.
func kilobytes(bytes int64) int64 { return (bytes + 1<<10 - 1) >> 10 }
