package main

import (
	"testing"
	"time"
)

// Days and weeks are read beside Go's durations, and what is shown as a default can be typed.
func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"2d": 48 * time.Hour, "1w": 168 * time.Hour, "1w2d3h": 219 * time.Hour, "1d90m": 25*time.Hour + 30*time.Minute, "12h": 12 * time.Hour,
		"1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond, "0": 0,
	} {
		got, err := parseSpan(text)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		s := span(want)
		if again, err := parseSpan(s.String()); err != nil || again != want {
			t.Errorf("%v is shown as %s, which is read as %v, %v", want, &s, again, err)
		}
	}
	for _, text := range []string{"", "2", "d", "-2h", "2d-3h", "1.5d", "99999d", "2d1w", "soon"} {
		if d, err := parseSpan(text); err == nil {
			t.Errorf("%q is read as %v", text, d)
		}
	}
	for d, want := range map[time.Duration]string{72 * time.Hour: "3d", 18 * time.Hour: "18h", 90 * time.Minute: "1h30m", 2 * time.Second: "2s", 10 * time.Minute: "10m", 20 * time.Hour: "20h"} {
		if s := span(d); s.String() != want {
			t.Errorf("%v is shown as %s, want %s", d, &s, want)
		}
	}
}
