package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A command line that makes no sense is told what is wrong with it, what may have been meant and where to look: in our
// words, and as a usage error.
func TestUsageErrors(t *testing.T) {
	for line, want := range map[string]string{
		"rnu":                    "there is no command \"rnu\": did you mean `slidemill run`?\n  see: slidemill --help",
		"dead lst":               "there is no command \"dead lst\": did you mean `slidemill dead list`?\n  see: slidemill dead --help",
		"sub":                    "did you mean `slidemill submit`?",
		"syn":                    "did you mean `slidemill synth`?",
		"completion bsh":         "did you mean `slidemill completion bash` or `slidemill completion zsh`?",
		"frobnicate x":           "there is no command \"frobnicate\"\n  see: slidemill --help",
		"wacth --every 5 .":      "there is no command \"wacth\": did you mean `slidemill watch`?",
		"help rnu":               "there is no command \"rnu\": did you mean `slidemill run`?",
		"help dead lst":          "there is no command \"dead lst\": did you mean `slidemill dead list`?",
		"run --treshold 0.5 x":   "there is no flag --treshold: did you mean --threshold?\n  see: slidemill run --help",
		"run --thresh=0.5 x":     "there is no flag --thresh: did you mean --threshold?",
		"run -threshold=0.5 x":   "there is no flag -threshold: did you mean --threshold?",
		"run -z x":               "there is no flag -z\n",
		"run --frobnicate x":     "there is no flag --frobnicate\n",
		"--data d":               "there is no flag --data: flags belong to a command, as in `slidemill run --data DIR SLIDE`",
		"run ---x":               "---x is no flag: flags look like --data DIR or --data=DIR",
		"run --region abc x":     "--region abc: want a whole number, such as 2048\n  see: slidemill run --help",
		"run --mpp 0,25 x":       "--mpp 0,25: want a number, such as 0.5",
		"run --json=maybe x":     "--json maybe: want true or false, or the flag alone",
		"run --region " + nines:  "that is more than can be counted: want a whole number",
		"synth --seed -5":        "--seed -5: want a whole number from 0 on",
		"status --since soon":    "--since soon: want a time such as 90s,",
		"run x --threshold":      "--threshold: its value is missing: want a number, such as 0.5",
		"run x --data":           "--data: its value is missing: want a value",
		"run":                    "nothing is named to work on: want `slidemill run SLIDE…`\n  see: slidemill run --help",
		"watch My Folder":        "2 arguments given: want `slidemill watch DIR` (a name with blanks in it wants quotes)",
		"demo x":                 "\"x\": slidemill demo takes flags and nothing else",
		"train x --data d":       "\"x\": slidemill train takes flags and nothing else",
		"completion bash please": "\"please\": slidemill completion bash takes flags and nothing else",
	} {
		t.Run(line, func(t *testing.T) {
			code, stdout, stderr := command(strings.Fields(line)...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "slidemill: ") || !strings.Contains(stderr, want) {
				t.Errorf("exit code %d, stdout %q, stderr\n%s\nwant code %d and\n%s", code, stdout, stderr, exitUsage, want)
			}
		})
	}
}

const nines = "99999999999999999999"

// Who names a slide and no command is told the command.
func TestSlideWithoutCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.svs")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := command(path)
	if want := "but a file: `slidemill run " + path + "` works on a slide"; code != exitUsage || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, stderr\n%s\nwant\n%s", code, stderr, want)
	}
}

// The help of what is there is an answer, as it was.
func TestHelpOnCommands(t *testing.T) {
	for _, line := range []string{"", "help", "help dead list", "dead", "completion", "run -h"} {
		if code, stdout, stderr := command(strings.Fields(line)...); code != exitDone || !strings.Contains(stdout, "Usage:") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	}
}
