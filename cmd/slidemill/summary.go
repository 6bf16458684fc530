package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/summary"
)

func newSummary() *cobra.Command {
	var p place
	var out string
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "The morning summary of a night's orders, as HTML and CSV",
		Long: `Summary writes summary.html and summary.csv: every slide ordered in the time, done,
failed or refused and why, how long it took, with its picture. It names files and
accessions: keep it where your other lists lie.`,
		Example: "  slidemill summary --since 12h --out morning",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			system, err := p.reach(cmd.Context())
			if err != nil {
				return err
			}
			defer closing(&err, system.close)
			judge := system.judge()
			judge.Reports = true
			standings, err := judge.LookAll(cmd.Context(), time.Now().Add(-since))
			if err != nil {
				return err
			}
			rows := make([]summary.Row, len(standings))
			for i, s := range standings {
				rows[i].Standing = s
			}
			s, err := summary.New(cmd.Context(), rows, summary.Previews(system.bucket))
			if err != nil {
				return err
			}
			html, err := s.Save(summaryFolder(p.data, out))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", s.Headline(), html)
			if s.Count().Bad() > 0 {
				return errSlidesFailed
			}
			return nil
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "folder of the two files (default: DATA/summary)")
	cmd.Flags().DurationVar(&since, "since", 18*time.Hour, "how far back to look")
	return cmd
}

func orDefault(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
