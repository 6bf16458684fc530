//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// quotaPeriod is how often a processor's time is dealt out afresh, in microseconds: what containers have that are limited
// (cpu.max without a period). It is much shorter than a region, and much longer than it takes to fill the processor's
// caches again after somebody else had it.
const quotaPeriod = 100_000

// quotas are control groups whose processes get a share of a processor each. The servers, the tiler and the stitcher of the
// site take their time from the first worker, whose core they are on; workers that have part of their core leave them the
// rest, as if those ran on machines of their own.
type quotas struct {
	share float64  // of a processor; 0 or 1 means no limit
	dirs  []string // of the groups that were made
}

// under returns the command that starts a program on a core, and with its share of it: in a group that it makes.
func (q *quotas) under(name string, core int) ([]string, error) {
	bound := onCore(core)
	if q.share == 0 || q.share == 1 {
		return bound, nil
	}
	root, files := quotaFiles(q.share)
	dir := filepath.Join(root, fmt.Sprintf("slidemill-bench-%d-%s", os.Getpid(), name))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("a share of a processor needs a control group, and the right to make one: %w", err)
	}
	q.dirs = append(q.dirs, dir)
	for file, value := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644); err != nil {
			return nil, err
		}
	}
	return append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(dir, "cgroup.procs")}, bound...), nil
}

// onCore is the command that starts a program on a core.
func onCore(core int) []string { return []string{"taskset", "-c", strconv.Itoa(core)} }

// quotaFiles says where the groups of the processors are, and what to write into one. There are two versions of
// control groups; see cgroups(7).
func quotaFiles(share float64) (root string, files map[string]string) {
	quota, period := strconv.Itoa(int(share*quotaPeriod)), strconv.Itoa(quotaPeriod)
	if _, err := os.Stat("/sys/fs/cgroup/cpu"); err == nil {
		return "/sys/fs/cgroup/cpu", map[string]string{"cpu.cfs_period_us": period, "cpu.cfs_quota_us": quota}
	}
	return "/sys/fs/cgroup", map[string]string{"cpu.max": quota + " " + period}
}

// remove takes the groups away once their processes have ended.
func (q *quotas) remove() error {
	for _, dir := range q.dirs {
		if err := os.Remove(dir); err != nil {
			return err
		}
	}
	q.dirs = nil
	return nil
}
