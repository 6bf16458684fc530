//go:build unix

package site

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
)

// Each role has an S3 user of its own, as deploy/s3-policy.json names them.
func s3User(role store.Role) string   { return "slidemill-" + string(role) }
func s3Secret(role store.Role) string { return "s3-" + string(role) }

func s3Secrets() (names []string) {
	for _, role := range store.Roles() {
		names = append(names, s3Secret(role))
	}
	return names
}

// writeUsers writes the file in which versitygw keeps its users.
func (s *Site) writeUsers() error {
	accounts := map[string]map[string]any{}
	for _, role := range store.Roles() {
		accounts[s3User(role)] = map[string]any{"access": s3User(role), "secret": s.secrets[s3Secret(role)], "role": "user"}
	}
	data, err := json.Marshal(map[string]any{"accessAccounts": accounts})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.path("users"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(s.path("users", "users.json"), data, 0o600)
}

// authorise gives the roles their rights in the bucket, as the server's master.
func (s *Site) authorise(server *Process) error {
	if err := server.await(time.Minute); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	bucket, err := s.Objects(ctx)
	if err != nil {
		return err
	}
	return bucket.SetPolicy(ctx, s3.BucketPolicy(s3.PolicyConfig{Bucket: Bucket, Prefix: "results"}))
}
