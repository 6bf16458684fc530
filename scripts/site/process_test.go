//go:build unix

package site

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A process runs from its start to its end, and for no moment in between does it seem to have ended: its command line is
// empty while it changes from one program to the other.
func TestStartedRuns(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep here:", err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "bin", "server")
	if err := os.Mkdir(filepath.Dir(program), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sleep, program); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		p := &Process{Name: "server", Args: []string{program, "600"}, log: filepath.Join(dir, "log"), pid: filepath.Join(dir, "pid")}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if p.PID() == 0 {
			t.Errorf("start %d: it does not run; its last words: %q", i, p.Tail(20))
		}
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		if p.PID() != 0 {
			t.Errorf("start %d: killed, and it runs", i)
		}
	}
}

// A program of another name under the number of one of ours is none of ours, and one that has ended is not waited for.
func TestNumberOfAnother(t *testing.T) {
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Skip("no sleep here:", err)
	}
	p := &Process{Name: "server", Args: []string{filepath.Join(t.TempDir(), "bin", "server")}}
	if p.owns(other.Process.Pid) {
		line, err := commandLine(other.Process.Pid)
		t.Errorf("%q (%v) passes for %s", strings.ReplaceAll(line, "\x00", " "), err, p.Args[0])
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !ended(other.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("killed, and it does not count as ended")
		}
	}
	if line, err := commandLine(other.Process.Pid); line != "" {
		t.Errorf("one that has ended has the command line %q (%v)", line, err)
	}
	other.Wait()
}
