package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// spoken are the rows of all worklists by what they name, in the order in which they count: of each worklist its last
// one, as ParseSheet has named the others.
type spoken map[string][]Row

func (s spoken) add(name string, row Row) {
	rows := s[name]
	if n := len(rows); n > 0 && rows[n-1].sheet == row.sheet {
		rows[n-1] = row
		return
	}
	s[name] = append(rows, row)
}

// overruled are the rows that another worklist's row, which counts, says something else than.
func overruled(rows []Row) (list []Row) {
	counts := rows[len(rows)-1]
	for _, row := range rows[:len(rows)-1] {
		if !row.says(counts) {
			list = append(list, row)
		}
	}
	return list
}

// contradictions are the rows of different worklists that say different things of one file. Rows with the same name are
// of one file only if a file was found by that name alone: two folders may each have one.
func (l *worklists) contradictions() (list []string) {
	told := map[[2]Row]bool{}
	for _, key := range slices.Sorted(maps.Keys(l.overruled)) {
		name, byName := strings.CutPrefix(key, "*/")
		if byName && !l.met[key] {
			continue
		}
		counts := l.rows[key]
		for _, row := range l.overruled[key] {
			if pair := [2]Row{row, counts}; !told[pair] {
				told[pair] = true
				list = append(list, counts.overrules(row, name))
			}
		}
	}
	return list
}

// overrules says that a row counts for a file, and that of another worklist does not.
func (r Row) overrules(other Row, file string) string {
	why := "was written last"
	if r.changed.Equal(other.changed) {
		why = "comes last by its name"
	}
	return fmt.Sprintf("%s, line %d: line %d of %s says something else of %s, %s; this line counts, %s, as its worklist %s: see which is right, and correct the other line",
		r.sheet, r.Line, other.Line, other.sheet, file, other.said(), r.said(), why)
}

// sayContradictions has the log say that there are some, when that changed. The summary names files and accessions, which
// no log may.
func (w *Watcher) sayContradictions() {
	n := len(w.lists.contradictions())
	if n > w.contradictions {
		w.Log.Error("worklists contradict each other about the same files; the summary names the lines", "problems", n)
	}
	w.contradictions = n
}
