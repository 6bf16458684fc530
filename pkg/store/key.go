package store

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxKey  = 1024 // bytes: the limit of S3
	maxPart = 200  // bytes: file systems allow 255, some encrypted ones 143 characters
)

// CheckKey refuses, with ErrInvalid, a key that a driver could misunderstand: empty or too long, not
// UTF-8, absolute, with empty, "." or ".." parts, with a backslash or a control character.
// Every driver calls it first, so that no key can leave the store's directory.
func CheckKey(key string) error {
	if len(key) == 0 || len(key) > maxKey {
		return fmt.Errorf("key of %d bytes: %w: want 1 to %d", len(key), ErrInvalid, maxKey)
	}
	if !cleanText(key) {
		return fmt.Errorf("key %q: %w: backslash, control character or broken UTF-8", key, ErrInvalid)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || len(part) > maxPart {
			return fmt.Errorf("key %q: %w: part %q", key, ErrInvalid, part)
		}
	}
	return nil
}

// CheckPrefix is CheckKey for the prefix of a List: it may be empty and end anywhere.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	// Whatever follows a slash or completes a last "." or ".." must be a valid key somehow.
	return CheckKey(prefix + "x")
}

func cleanText(s string) bool {
	bad := func(r rune) bool { return r == '\\' || unicode.IsControl(r) }
	return utf8.ValidString(s) && !strings.ContainsFunc(s, bad)
}
