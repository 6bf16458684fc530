package pyramid

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// SlideID names a slide by content: the first 12 bytes of the SHA-256 of its file. It is the only
// name of a slide in keys, subjects, logs and URLs, because a file's name may hold a patient's.
type SlideID [12]byte

// RunID names a run by content: the first 8 bytes of the SHA-256 over slide, model and parameters.
type RunID [8]byte

// NewSlideID derives the id from the SHA-256 of the slide's file.
func NewSlideID(sum [sha256.Size]byte) (id SlideID) {
	copy(id[:], sum[:])
	return id
}

// NewRunID derives the id from the canonical bytes of slide, model and parameters.
func NewRunID(canonical []byte) (id RunID) {
	sum := sha256.Sum256(canonical)
	copy(id[:], sum[:])
	return id
}

func (id SlideID) String() string { return hex.EncodeToString(id[:]) }
func (id RunID) String() string   { return hex.EncodeToString(id[:]) }

// ParseSlideID reads what String writes: 24 lower-case hexadecimal digits.
func ParseSlideID(text string) (id SlideID, err error) {
	err = parseID(id[:], text, "slide id")
	return id, err
}

// ParseRunID reads what String writes: 16 lower-case hexadecimal digits.
func ParseRunID(text string) (id RunID, err error) {
	err = parseID(id[:], text, "run id")
	return id, err
}

func parseID(dst []byte, text, what string) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(dst) || hex.EncodeToString(raw) != text {
		return fmt.Errorf("%s %q: want %d lower-case hexadecimal digits", what, text, 2*len(dst))
	}
	copy(dst, raw)
	return nil
}

// MarshalText writes the id as String does, so that JSON shows it as people type it.
func (id SlideID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *SlideID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseSlideID(string(text))
	return err
}

// MarshalText writes the id as String does.
func (id RunID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *RunID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseRunID(string(text))
	return err
}
