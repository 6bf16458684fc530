package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/intake"
	"github.com/slidemill/slidemill/pkg/slide"
)

// refusal is what inspect and tile print with --json of a slide that came to nothing.
type refusal struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// refused is the error of a slide that came to nothing, in run's words where the file is to blame. With --json it is an
// object on stdout too: a script that reads one line for each slide misses none. A command line that makes no sense, or
// an interrupt, is nothing about the slide.
func refused(cmd *cobra.Command, path string, asJSON bool, err error) error {
	var usage *usageError
	if err == nil || errors.As(err, &usage) || cmd.Context().Err() != nil {
		return err
	}
	reason := err.Error()
	if blamed(err) {
		reason = intake.Reason(err)
		err = fmt.Errorf("%s: %s", path, reason)
	}
	if asJSON {
		err = errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(refusal{slide.FileName(path), reason}))
	}
	return err
}

// blamed reports whether the file is to blame, or its kind.
func blamed(err error) bool {
	var format *slide.FormatError
	var unsupported *slide.UnsupportedError
	return errors.As(err, &format) || errors.As(err, &unsupported)
}
