//go:build unix

package site

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one process of the site. It survives the program that started it.
type Process struct {
	Name  string
	Args  []string
	Env   []string
	log   string
	pid   string
	ready func() error // nil: running is ready
}

// Start starts the process unless it runs.
func (p *Process) Start() error {
	if p.PID() != 0 {
		return nil
	}
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt of ours is none of its
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	go cmd.Wait() // or it stays a zombie for as long as we live
	return os.WriteFile(p.pid, []byte(strconv.Itoa(cmd.Process.Pid)), 0o640)
}

// PID is the running process's, or 0.
func (p *Process) PID() int {
	data, err := os.ReadFile(p.pid)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 || !p.owns(pid) {
		return 0
	}
	return pid
}

// owns reports whether the pid is still our program's: numbers are used again.
func (p *Process) owns(pid int) bool {
	line, err := commandLine(pid)
	if err != nil { // no /proc here: the signal alone must do
		_, statErr := os.Stat("/proc/self")
		return statErr != nil && syscall.Kill(pid, 0) == nil
	}
	return strings.Contains(line, p.program())
}

// commandLine is that of a process, "" of one that has ended and nobody has asked about. In the middle of an exec there
// is none for a moment, long after the one who began it was told that it succeeded where the program is still read from
// disk: this is waited for.
func commandLine(pid int) (string, error) {
	for patience := execTime; ; patience -= time.Millisecond {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || len(line) > 0 || patience <= 0 || ended(pid) {
			return string(line), err
		}
		time.Sleep(time.Millisecond)
	}
}

const execTime = 500 * time.Millisecond

// ended reports whether a process is only waited for by its parent.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, found := strings.Cut(string(stat), ") ")
	return err != nil || !found || strings.HasPrefix(state, "Z")
}

// program is the path that tells ours from others': taskset replaces itself by it.
func (p *Process) program() string {
	for _, a := range p.Args {
		if strings.HasPrefix(a, "/") && strings.Contains(a, "/bin/") && !strings.HasSuffix(a, "taskset") {
			return a
		}
	}
	return p.Args[0]
}

// Kill ends the process as a crash does (signal 9) and waits until it is gone.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL, 10*time.Second) }

// Stop asks the process to end, and kills it when patience is over.
func (p *Process) Stop(patience time.Duration) error {
	if err := p.end(syscall.SIGTERM, patience); err != nil {
		return p.Kill()
	}
	return nil
}

func (p *Process) end(signal syscall.Signal, patience time.Duration) error {
	pid := p.PID()
	if pid == 0 {
		return nil
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if p.PID() != pid {
			return nil
		}
	}
	return fmt.Errorf("%s (%d) does not end", p.Name, pid)
}

// await waits until the process answers.
func (p *Process) await(patience time.Duration) error {
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if p.PID() == 0 {
			return fmt.Errorf("%s ended; its last words:\n%s", p.Name, p.Tail(20))
		}
		if p.ready == nil {
			return nil
		}
		if err = p.ready(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s does not answer: %w; its last words:\n%s", p.Name, err, p.Tail(20))
}

// Log is the file with what the process says.
func (p *Process) Log() string { return p.log }

// Tail is the log's last lines.
func (p *Process) Tail(n int) string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
