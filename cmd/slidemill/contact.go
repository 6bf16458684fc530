package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
)

// contact is how the commands of this machine reach the `serve` that works in a data folder. Its file
// holds passwords, so only the same user can read it; they are made anew at each start.
type contact struct {
	Queue  jetstream.Contact `json:"queue"`
	Model  string            `json:"model"` // SHA-256 of the model that its workers have
	Engine string            `json:"engine,omitempty"`
	Web    string            `json:"web"`
	PID    int               `json:"pid"`
}

func contactFile(data string) string { return filepath.Join(data, "contact.json") }

// writeContact publishes the contact until remove is called.
func writeContact(data string, c contact) (remove func() error, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("contact: %w", err)
	}
	path := contactFile(data)
	f, err := os.CreateTemp(data, ".contact-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("contact: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("contact: %w", errors.Join(err, os.Remove(f.Name())))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return nil, fmt.Errorf("contact: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return func() error { return os.Remove(path) }, nil
}

// readContact finds the contact of a data folder; ok is false where nobody left one.
func readContact(data string) (c contact, ok bool, err error) {
	text, err := os.ReadFile(contactFile(data))
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("contact of the serve in %s: %w", data, err)
	}
	return c, true, nil
}
