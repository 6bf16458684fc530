package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/stitch"
)

func newVerify() *cobra.Command {
	var p place
	cmd := &cobra.Command{
		Use:     "verify SLIDE-ID…",
		Short:   "Check every promise of the manifests against the store",
		Example: "  slidemill verify 3f2a…",
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bucket, err := p.openStore(cmd.Context())
			if err != nil {
				return err
			}
			var errs []error
			for _, text := range args {
				id, err := pyramid.ParseSlideID(text)
				if err != nil {
					return &usageError{err}
				}
				proof, err := stitch.Verify(cmd.Context(), bucket, id)
				if err != nil {
					errs = append(errs, fmt.Errorf("verify %v: %w", id, err))
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%v: whole: %d runs, %d objects, %d bytes checked\n", id, proof.Runs, proof.Objects, proof.Bytes)
			}
			return errors.Join(errs...)
		},
	}
	p.flags(cmd)
	return cmd
}
