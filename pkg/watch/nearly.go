package watch

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// nearly is what is left of the name of a file or folder without all that people and programs change when they copy it
// into a list: folders, the extension of a slide, case, accents and how they are written, and what stands for a space.
func nearly(file string) string {
	if !utf8.ValidString(file) { // a spreadsheet's older encoding, whose bytes are these letters but for a few
		letters := make([]rune, len(file))
		for i, b := range []byte(file) {
			letters[i] = rune(b)
		}
		file = string(letters)
	}
	name := strings.ToLower(path.Base(file))
	if ext := path.Ext(name); slices.Contains(extensions, ext) {
		name = strings.TrimSuffix(name, ext)
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == ' ' || r == '-':
			return '_'
		}
		return r
	}, norm.NFKD.String(name))
}

// unlisted are the files that no worklist names, by what is left of their names. DICOM files are also found by the folder
// that they make a slide of.
func (l *worklists) unlisted(files []string) map[string][]string {
	byName := map[string][]string{}
	for _, file := range files {
		if _, listed := l.find(file); listed {
			continue
		}
		name := nearly(file)
		byName[name] = append(byName[name], file)
		if folder := seriesFolder(file); folder != "" && nearly(folder) != name {
			byName[nearly(folder)] = append(byName[nearly(folder)], folder)
		}
	}
	return byName
}

// maxMeant bounds the files of which one may be meant: more are no hint.
const maxMeant = 3

// meant asks whether one of the files is the one that a worklist names, or says what else to look at.
func meant(files []string) string {
	if len(files) == 0 || len(files) > maxMeant {
		return "See whether the slide was scanned and the name is right."
	}
	quoted := make([]string, len(files))
	for i, file := range slices.Sorted(slices.Values(files)) {
		quoted[i] = fmt.Sprintf("%q", file)
	}
	return "Did you mean " + strings.Join(quoted, " or ") + ", which no worklist names?"
}

// misspells reports whether a word is another one with the slips of a typist: one, in long words two. In short ones a letter
// for another makes a word of its own too often, such as a tile of a file, and so does its first.
func misspells(word, of string) bool {
	switch {
	case len(word) > len(of)+2: // before anything is counted: a cell may be of any length
		return false
	case word == of || word == "date": // which is almost the German file, and what many a table has
		return false
	case len(of) < 5:
		return len(word) > 1 && word[0] == of[0] && slips(word, of, 2) == 1
	case len(of) < 8:
		return slips(word, of, 1) == 1
	}
	return slips(word, of, 1) <= 2
}

// slips counts the letters that are missing, too many, swapped with the next, or, at a price of their own, another one.
func slips(a, b string, other int) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := other
			if a[i] == b[j] {
				change = 0
			}
			next[j+1] = min(row[j]+change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
