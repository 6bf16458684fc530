//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHealthz(t *testing.T) {
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	if code, _, errs := command("healthz", s.URL); code != exitDone {
		t.Errorf("exit code %d of a server that is well: %s", code, errs)
	}
	status = http.StatusServiceUnavailable
	if code, _, _ := command("healthz", s.URL); code != exitFailed {
		t.Errorf("exit code %d of a server that is not ready", code)
	}
	s.Close()
	if code, _, _ := command("healthz", s.URL); code != exitFailed {
		t.Errorf("exit code %d where nobody is", code)
	}
}
