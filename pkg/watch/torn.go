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

	commas bool // a line of the sheet shows a decimal comma: no whole numbers side by side are believed in the others
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

// believe returns of a line that has more cells than the header what counts all the same, and why not the
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
	return counts, fmt.Errorf("%s; nothing of this line but %s counts%s", l.why(record, decimal), enumerate(kept), l.instead())
}

// enumerate is "file, accession and priority".
func enumerate(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// instead says what counts as the scale of a torn line, in a list that says scales.
func (l *layout) instead() string {
	if _, ok := l.at["mpp"]; !ok {
		return ""
	}
	return ", and as a scale the file's own"
}

// beyond are the cells behind the header's last, up to the last that says something. A cell of the header without a name is
// room for one: spreadsheets end their lines with a separator, and a remark stands behind it.
func (l *layout) beyond(record []string) []string {
	if l.named == 0 || named(record) <= l.cells {
		return nil
	}
	return record[l.cells:named(record)]
}

// why says what is wrong with a torn line, and what to do.
func (l *layout) why(record []string, decimal bool) string {
	if i := l.at["mpp"]; decimal {
		torn := "may have torn"
		if l.moved(record) || l.isZero(record) || len(l.beyond(record)) > 0 {
			torn = "seems to have torn"
		}
		return fmt.Sprintf("a decimal comma %s the scale into %.20q and %.20q: quote the number, write it with a point, or separate the cells by \";\"", torn, record[i], record[i+1])
	}
	return fmt.Sprintf("more cells than the header has columns, %.20q behind the last: quote a cell that holds a %q, as a decimal comma may be, or separate the cells by another character; a column of its own needs a name in the header", record[named(record)-1], l.comma)
}

// decimalComma reports whether the scale of a line may be torn in two: in its cell and the next are whole numbers, and it
// shows that the line has a cell too many, or says something where no column has a name, or other lines of the sheet are torn.
func (l *layout) decimalComma(record []string) bool {
	return l.twoWholes(record) && (l.commas || l.tooMany(record) || named(record) > l.named)
}

// showsComma reports whether a line has a decimal comma that lets nobody trust the whole numbers of its sheet's other lines.
func (l *layout) showsComma(record []string) bool { return l.twoWholes(record) && l.tooMany(record) }

// twoWholes reports whether scale and next cell are whole numbers, as the halves of a number with a decimal comma are.
func (l *layout) twoWholes(record []string) bool {
	i, ok := l.at["mpp"]
	return ok && l.named > 0 && l.comma == ',' && i+1 < len(record) && isWhole(record[i]) && isWhole(record[i+1])
}

// tooMany reports whether a line of two whole numbers has a cell more than it should, be it one that is empty.
func (l *layout) tooMany(record []string) bool {
	return len(record) > l.cells || l.moved(record) || l.isZero(record)
}

// moved reports whether the priority, behind the scale, is not in its place.
func (l *layout) moved(record []string) bool {
	cell := l.behind(record)
	return cell != "" && !isPriority(cell)
}

// behind is the cell of the priority if that is behind the scale.
func (l *layout) behind(record []string) string {
	if p, ok := l.at["priority"]; ok && p > l.at["mpp"] && p < len(record) {
		return strings.TrimSpace(record[p])
	}
	return ""
}

// isZero reports whether the scale is 0, which none is but the first half of 0,25, and neither a priority behind it is in
// its place nor the next cell one that we read: a 0 may stand for a scale that nobody knows.
func (l *layout) isZero(record []string) bool {
	i := l.at["mpp"]
	for _, column := range l.at {
		if column == i+1 {
			return false
		}
	}
	return strings.Trim(strings.TrimSpace(record[i]), "0") == "" && !isPriority(l.behind(record))
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
			return decimal && named(record)-l.named < 2
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
