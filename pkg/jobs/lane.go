package jobs

import (
	"fmt"
	"strconv"
	"strings"
)

// Lane is where jobs of one stage wait for each other, first in, first out. Each priority has Rows of
// them, chosen by Job.Turn: the first slides of every accession wait in row 0, later ones further back.
// A queue takes from the rows in order, so that an accession of five hundred slides keeps nobody of the
// same priority waiting: the k-th slide of one waits for at most about 8·k slides of another. One take in
// FromBack begins with the last row, so that what waits there moves however many come.
type Lane struct {
	Priority Priority
	Row      int
}

// Rows is the number of lanes of a priority.
const Rows = 4

// FromBack is how many takes of a stage there are for one that begins with the last row.
const FromBack = 8

// rowBegins is the first turn of each row.
var rowBegins = [Rows]int{0, 2, 8, 64}

// Lane is where the job waits.
func (j Job) Lane() Lane {
	l := Lane{Priority: j.Priority.Known()}
	for row, begins := range rowBegins {
		if j.Turn >= begins {
			l.Row = row
		}
	}
	return l
}

// Lanes lists all, in the order in which a queue takes from them: the most urgent first, and within a
// priority from the first row or from the last.
func Lanes(fromBack bool) []Lane {
	var all []Lane
	for _, p := range Priorities() {
		for row := range Rows {
			if fromBack {
				row = Rows - 1 - row
			}
			all = append(all, Lane{p, row})
		}
	}
	return all
}

// String spells the lane as subjects and consumers do: routine, routine-1.
func (l Lane) String() string {
	if l.Row == 0 {
		return string(l.Priority.Known())
	}
	return fmt.Sprintf("%s-%d", l.Priority.Known(), l.Row)
}

// ParseLane reads what String spells.
func ParseLane(text string) (l Lane, err error) {
	name, row, numbered := strings.Cut(text, "-")
	if name == "" {
		return l, fmt.Errorf("lane %.20q: want a priority", text)
	}
	if l.Priority, err = ParsePriority(name); err == nil && numbered {
		l.Row, err = strconv.Atoi(row)
	}
	if err != nil || l.Row < 0 || l.Row >= Rows || l.String() != text {
		return Lane{}, fmt.Errorf("lane %.20q: want a priority and a row from 1 to %d", text, Rows-1)
	}
	return l, nil
}
