package main

import (
	"testing"
	"time"

	"github.com/slidemill/slidemill/pkg/pyramid"
)

// Ids and terms are taken together: a run must have one of the ids and all of the terms, and newest is of those.
func TestRunChoice(t *testing.T) {
	made := func(threshold, tta string) []runTerm { return []runTerm{{"threshold", threshold}, {"tta", tta}} }
	all := []finished{
		{run: pyramid.RunID{0xab, 0xcd, 1}, at: time.Unix(1, 0), made: made("0.5", "no")},
		{run: pyramid.RunID{0xab, 0xcd, 2}, at: time.Unix(2, 0), made: made("0.3", "no")},
		{run: pyramid.RunID{0x12, 0x34}, at: time.Unix(3, 0), made: made("0.3", "yes")},
		{run: pyramid.RunID{0x56, 0x78}, at: time.Unix(4, 0)}, // its report cannot be read
	}
	for text, want := range map[string][]int{
		"abcd": {0, 1}, "abcd01,1234": {0, 2}, "ABCD02": {1}, "threshold=0.30": {1, 2}, "threshold=0.3, tta=yes": {2},
		"newest": {3}, "threshold=0.3,newest": {2}, "abcd,newest": {1}, "abcd,tta=yes": {}, "5678": {3},
	} {
		var c runChoice
		if err := c.Set(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		meant := c.of(all)
		if len(meant) != len(want) {
			t.Errorf("%s means %d runs, want %d", text, len(meant), len(want))
			continue
		}
		for i := range want {
			if meant[i].run != all[want[i]].run {
				t.Errorf("%s means %v, want %v", text, meant[i].run, all[want[i]].run)
			}
		}
	}
	for _, text := range []string{"", "abc", "abcd,", "threshold=", "age=3", "xyzw", "0123456789abcdef0"} {
		if err := new(runChoice).Set(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
