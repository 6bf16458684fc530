//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slidemill/slidemill/scripts/site"
)

// usage is processor time by process. Workers are named after what they do.
type usage map[string]time.Duration

// of is the sum over the processes whose names begin so.
func (u usage) of(prefix string) (sum time.Duration) {
	for name, t := range u {
		if strings.HasPrefix(name, prefix) {
			sum += t
		}
	}
	return sum
}

func (u usage) since(before usage) usage {
	spent := usage{}
	for name, t := range u {
		spent[name] = t - before[name]
	}
	return spent
}

// processorTime reads what each process has used so far, in clock ticks of 10 ms.
func processorTime(s *site.Site) (usage, error) {
	used := usage{}
	roles := site.Split(s.Workers)
	for _, name := range s.Names() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Process(name).PID()))
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		user, err1 := strconv.Atoi(fields[11])
		system, err2 := strconv.Atoi(fields[12])
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if number, ok := strings.CutPrefix(name, "worker-"); ok {
			i, err := strconv.Atoi(number)
			if err != nil {
				return nil, err
			}
			name = roles[i-1] + "-" + number
		}
		used[name] += time.Duration(user+system) * 10 * time.Millisecond
	}
	return used, nil
}
