package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// meter shows how far a stage is: a bar with rate and ETA on a terminal, a line now and then elsewhere.
type meter struct {
	out      io.Writer
	terminal bool
	slide    string
	stage    string
	unit     string
	bar      *progressbar.ProgressBar
	started  time.Time
	lastLine time.Time
	done     int64
	lastDone int64 // when the last line appeared
	total    int64
}

// plainEvery is how often a line appears where there is no terminal.
const plainEvery = 5 * time.Second

func newMeter(out io.Writer) *meter {
	return &meter{out: out, terminal: isTerminal(out)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// begin names the slide whose stages follow.
func (m *meter) begin(slide string) {
	m.slide, m.stage = slide, ""
}

// set shows done of total units of a stage of the current slide.
func (m *meter) set(stage, unit string, done, total int64) {
	if stage != m.stage || unit != m.unit {
		m.enter(stage, unit, total)
	}
	m.done, m.total = min(done, total), total
	if m.terminal {
		_ = m.bar.Set64(m.done) // a terminal that does not take the bar is no reason to stop the work
		return
	}
	if now := time.Now(); now.Sub(m.lastLine) >= plainEvery || m.done == total && m.lastDone != total {
		m.lastLine, m.lastDone = now, m.done
		fmt.Fprintln(m.out, m.line())
	}
}

func (m *meter) enter(stage, unit string, total int64) {
	m.finish()
	m.stage, m.unit, m.started, m.lastLine, m.lastDone = stage, unit, time.Now(), time.Now(), -1
	if !m.terminal {
		return
	}
	m.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(m.out),
		progressbar.OptionSetDescription(fmt.Sprintf("%-24.24s %-8s", m.slide, stage)),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit),
		progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionOnCompletion(func() { fmt.Fprintln(m.out) }),
	)
}

// finish ends the current stage's bar.
func (m *meter) finish() {
	if m.bar != nil {
		if !m.bar.IsFinished() {
			_ = m.bar.Exit()
			fmt.Fprintln(m.out)
		}
		m.bar = nil
	}
	m.stage = ""
}

// line says how far the stage is, and at its end how long it took.
func (m *meter) line() string {
	elapsed := time.Since(m.started)
	text := fmt.Sprintf("%s: %s %d/%d %s", m.slide, m.stage, m.done, m.total, m.unit)
	if m.done == m.total {
		return fmt.Sprintf("%s in %.1f s", text, elapsed.Seconds())
	}
	if m.done == 0 {
		return text
	}
	rate := float64(m.done) / elapsed.Seconds()
	eta := time.Duration(float64(m.total-m.done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s, %.1f %s/s, ETA %v", text, rate, m.unit, eta)
}
