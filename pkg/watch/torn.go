package watch

import (
	"fmt"
	"slices"
	"strings"
)

// layout is how the header says that the lines are cut into cells.
type layout struct {
	at    map[string]int // which column is what
	named int            // columns up to the last that has a name; 0 without a header, where nobody says how many there are
	cells int            // cells of the header, with those that have no name
	comma rune
}

// named is how many columns a header has, up to the last with a name.
func named(record []string) int {
	for n := len(record); n > 0; n-- {
		if strings.TrimSpace(record[n-1]) != "" {
			return n
		}
	}
	return 0
}

// believe returns of a line that has more cells than the header has columns what counts all the same, and why not the
// rest: a separator within a cell, as the comma of 1,3, has torn it in two and moved all behind it, so that each may be read
// as another column's. The scale never counts, as a wrong one measures wrongly and nobody sees it; accession and priority
// do where they are in their place for sure. The file always does: a slide that is not there is named.
func (l *layout) believe(record []string) (counts []string, torn error) {
	decimal := l.decimalComma(record)
	if len(l.beyond(record)) == 0 && !decimal {
		return record, nil
	}
	sure := l.sure(record, decimal)
	counts = make([]string, len(record))
	var kept []string
	for _, what := range []string{"file", "accession", "priority"} {
		i, ok := l.at[what]
		if ok && i < len(record) && (i < sure || what == "file") {
			counts[i], kept = record[i], append(kept, what)
		}
	}
	return counts, fmt.Errorf("%s; nothing of this line but %s counts, and as a scale the file's own", l.why(record, decimal), strings.Join(kept, " and "))
}

// beyond are the cells behind the last column that has a name, up to the last that says something.
func (l *layout) beyond(record []string) []string {
	if l.named == 0 || named(record) <= l.named {
		return nil
	}
	return record[l.named:named(record)]
}

// why says what is wrong with a torn line, and what to do.
func (l *layout) why(record []string, decimal bool) string {
	if i := l.at["mpp"]; decimal {
		return fmt.Sprintf("a decimal comma seems to have torn the scale into %.20q and %.20q: quote the number, write it with a point, or separate the cells by \";\"", record[i], record[i+1])
	}
	return fmt.Sprintf("more cells than the header has columns, %.20q behind the last: quote a cell that holds a %q, as a decimal comma may be, or separate the cells by another character; a column of its own needs a name in the header", record[named(record)-1], l.comma)
}

// decimalComma reports whether the scale of a line is torn in two: whole numbers in its cell and the next, in a line that has
// a cell too many, be it one that is empty, or whose priority was moved out of its place.
func (l *layout) decimalComma(record []string) bool {
	i, ok := l.at["mpp"]
	if !ok || l.named == 0 || l.comma != ',' || i+1 >= len(record) || !isWhole(record[i]) || !isWhole(record[i+1]) {
		return false
	}
	p, ok := l.at["priority"]
	moved := ok && p > i && p < len(record) && strings.TrimSpace(record[p]) != "" && !isPriority(record[p])
	return moved || len(record) > l.cells
}

func isWhole(cell string) bool {
	cell = strings.TrimSpace(cell)
	return cell != "" && strings.Trim(cell, "0123456789") == ""
}

// sure is how many columns of a torn line are in their place: those up to a cell that is what its column says and hardly
// anything else, as nothing before it was moved then.
func (l *layout) sure(record []string, decimal bool) (n int) {
	reads := func(what string, is func(cell string) bool) {
		if i, ok := l.at[what]; ok && i < len(record) && is(strings.TrimSpace(record[i])) {
			n = max(n, i+1)
		}
	}
	reads("file", isFileName)
	reads("mpp", func(cell string) bool {
		if isWhole(cell) { // as anything may be
			return decimal && len(l.beyond(record)) < 2
		}
		scale, err := readMPP(cell)
		return err == nil && scale > 0
	})
	if !twice(record, isWord) {
		reads("priority", isWord)
	}
	return n
}

// isWord reports whether a cell is a priority that is written out: a letter may be part of a name.
func isWord(cell string) bool { return len(strings.TrimSpace(cell)) > 1 && isPriority(cell) }

// twice reports whether more than one cell is such.
func twice(record []string, is func(cell string) bool) bool {
	first := slices.IndexFunc(record, is)
	return first >= 0 && slices.ContainsFunc(record[first+1:], is)
}
