package watch

import (
	"bytes"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// errUTF16 is a sheet that was saved as "Unicode text".
var errUTF16 = errors.New(`not in UTF-8, but seemingly in UTF-16, and nothing of it counts: save the sheet as "CSV UTF-8"`)

// isUTF16 reports whether a sheet has the mark of UTF-16, or the zeros that every ASCII letter has there.
func isUTF16(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.IndexByte(data, 0) >= 0
}

// opening is the text without its mark, and what separates its cells: what the first line tells a spreadsheet by "sep=;", or
// what that line uses most. The line that tells is left empty, so that the others keep their numbers.
func opening(data []byte) (text []byte, comma rune) {
	text = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	first, _, _ := bytes.Cut(text, []byte("\n"))
	told, ok := toldComma(string(first))
	if !ok {
		return text, mostUsed(text)
	}
	text = text[len(first):]
	if !bytes.ContainsRune(text, told) { // the lines are not as it says
		return text, mostUsed(bytes.TrimLeft(text, "\r\n"))
	}
	return text, told
}

// toldComma is X of a line sep=X, which may be quoted, and filled up with separators as any other line.
func toldComma(line string) (comma rune, ok bool) {
	line = strings.TrimLeft(strings.TrimRight(line, "\r "), "\" ")
	if len(line) < 5 || !strings.EqualFold(line[:4], "sep=") {
		return 0, false
	}
	comma, _ = utf8.DecodeRuneInString(line[4:])
	return comma, separates(comma) && strings.Trim(line[4:], "\""+string(comma)) == ""
}

// separates reports whether cells may be separated by that: no letter, digit, quote or blank is.
func separates(r rune) bool {
	return r == '\t' || r != '"' && r != utf8.RuneError && (unicode.IsPunct(r) || unicode.IsSymbol(r))
}

// mostUsed is the separator that the first line uses most.
func mostUsed(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	best, most := ',', bytes.Count(line, []byte(","))
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}
