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

// refused is the error of a slide that came to nothing, in plain words where there are some. With --json it is an
// object on stdout too: a script that reads one line for each slide misses none. A command line that makes no sense, or
// an interrupt, is nothing about the slide.
func refused(cmd *cobra.Command, path string, asJSON bool, err error) error {
	var usage *usageError
	if err == nil || errors.As(err, &usage) || cmd.Context().Err() != nil {
		return err
	}
	reason := err.Error()
	if plain := plainly(path, err); plain != "" {
		reason, err = plain, fmt.Errorf("%s: %s", path, plain)
	}
	if asJSON {
		err = errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(refusal{slide.FileName(path), reason}))
	}
	return err
}

// plainly says what is wrong with a file that is not there, or that is to blame itself: that in run's words.
func plainly(path string, err error) string {
	if blamed(err) {
		return intake.Reason(err)
	}
	return absence(path, err)
}

// blamed reports whether the file is to blame, or its kind.
func blamed(err error) bool {
	var format *slide.FormatError
	var unsupported *slide.UnsupportedError
	return errors.As(err, &format) || errors.As(err, &unsupported)
}
