package main

import (
	"strings"
	"testing"
)

// A store's server that is down is no riddle: every command says who does not answer, and what to look at.
func TestStoreServerIsDown(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", "")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, name := range []string{"status", "summary"} {
		code, _, errs := command(name, "--data", t.TempDir(), "--store", "s3://slides/results")
		for _, want := range []string{"open store s3://slides/results: ", "nobody answers at http://127.0.0.1:1", "check the store's address (AWS_ENDPOINT_URL) and whether the server runs", "nothing is lost"} {
			if code != exitFailed || !strings.Contains(errs, want) {
				t.Errorf("%s: exit code %d, and %q is not in %q", name, code, want, errs)
			}
		}
	}
}
