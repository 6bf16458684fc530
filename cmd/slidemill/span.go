package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// spanFlag adds a flag for a length of time. People count nights in hours, and holidays in days and weeks.
func spanFlag(cmd *cobra.Command, at *time.Duration, name string, value time.Duration, usage string) {
	*at = value
	cmd.Flags().Var((*span)(at), name, usage)
}

// span is a length of time as people type it; it is a pflag.Value.
type span time.Duration

// Type is the word for it in help texts, which says how it is typed.
func (s *span) Type() string { return "15m|12h|2d|1w" }

// String has days where there is no rest.
func (s *span) String() string {
	d := time.Duration(*s)
	switch {
	case d == 0:
		return "0" // the help text shows no such default
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// Set reads weeks and days, of which nothing is a fraction, and then what Go calls a duration.
func (s *span) Set(text string) error {
	d, err := parseSpan(text)
	*s = span(d)
	return err
}

const day = 24 * time.Hour

// longDays is a number of weeks, a number of days, and the rest.
var longDays = regexp.MustCompile(`^(?:(\d{1,4})w)?(?:(\d{1,4})d)?(.*)$`)

func parseSpan(text string) (time.Duration, error) {
	wrong := errors.New("want a time such as 90s, 15m, 12h, 2d, 1w or 1d12h")
	found := longDays.FindStringSubmatch(text)
	if found == nil || text == "" {
		return 0, wrong
	}
	var d time.Duration
	for i, unit := range []time.Duration{7 * day, day} {
		n, _ := strconv.Atoi("0" + found[i+1]) // digits, and few
		d += time.Duration(n) * unit
	}
	if found[3] == "" {
		return d, nil
	}
	rest, err := time.ParseDuration(found[3])
	if err != nil || rest < 0 || d+rest < 0 { // before now, or beyond what can be counted
		return 0, wrong
	}
	return d + rest, nil
}
