//go:build unix

package s3_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
)

var update = flag.Bool("update", false, "rewrite deploy/s3-policy.json")

// shippedPolicy is found before the server changes the process's directory.
var shippedPolicy, _ = filepath.Abs("../../../deploy/s3-policy.json")

// TestShippedPolicy: the file that sites deploy is the one that the other tests prove, and no larger than AWS takes.
func TestShippedPolicy(t *testing.T) {
	want := s3.BucketPolicy(s3.PolicyConfig{Bucket: "pathology", Prefix: "results"})
	if *update {
		if err := os.WriteFile(shippedPolicy, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(shippedPolicy)
	if diff := cmp.Diff(want, string(have)); err != nil || diff != "" {
		t.Errorf("%s is out of date (%v): go test ./pkg/store/s3 -run TestShippedPolicy -update\n%s", shippedPolicy, err, diff)
	}
	if len(want) > 3800 {
		t.Errorf("a bucket policy of %d bytes: versitygw on ext4 takes somewhat less than 4 KB, AWS 20", len(want))
	}
	for _, role := range store.Roles() {
		if text := strings.Join(strings.Fields(s3.UserPolicy(s3.PolicyConfig{Bucket: "pathology", Prefix: "results"}, role)), ""); len(text) > 6144 || strings.Contains(text, "Principal") {
			t.Errorf("policy of %s: %d bytes: AWS takes 6144, without a principal", role, len(text))
		}
	}
}

// One user for all roles, and a document that the server would refuse in the middle of the night, are refused here.
func TestPolicyThatCannotBe(t *testing.T) {
	for user, ok := range map[string]bool{"": true, "slidemill-ROLE": true, "bob": false, "arn:aws:iam::1:user/bob": false} {
		if err := (s3.PolicyConfig{User: user}).Check(); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "ROLE") {
			t.Errorf("user %q: %v", user, err)
		}
	}
	long := strings.Repeat("results/", 30)
	for _, c := range []struct {
		s3.PolicyConfig
		ok bool
	}{
		{s3.PolicyConfig{Prefix: "results"}, true},
		{s3.PolicyConfig{Prefix: long}, false},
		{s3.PolicyConfig{Prefix: long, Limit: 64 << 10}, true},
		{s3.PolicyConfig{Prefix: long, User: "arn:aws:iam::123456789012:user/slidemill-ROLE"}, true},
		{s3.PolicyConfig{Prefix: strings.Repeat(long, 5), User: "arn:aws:iam::123456789012:user/slidemill-ROLE"}, false},
	} {
		c.Bucket = "pathology"
		text := s3.BucketPolicy(c.PolicyConfig)
		if err := c.CheckSize(text); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "--limit") {
			t.Errorf("prefix of %d bytes, user %q, a policy of %d: %v", len(c.Prefix), c.User, len(text), err)
		}
	}
	text := s3.RolePolicy(s3.PolicyConfig{Bucket: "b", User: "bob"}, store.Segmenter)
	if !strings.Contains(text, `{"AWS":["bob"]}`) || strings.Contains(text, "report") {
		t.Errorf("one role's part: %s", text)
	}
}

// guarded is the folder "results" of a bucket under the policy, opened by a role.
func guarded(t *testing.T, bucket string) func(store.Role) store.Bucket {
	t.Helper()
	c := server.Config(bucket)
	owner, err := s3.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range store.Roles() {
		if err := server.AddUser(bucket+"-"+string(role), "secret-"+string(role)); err != nil {
			t.Fatal(err)
		}
	}
	if err := owner.SetPolicy(t.Context(), s3.BucketPolicy(s3.PolicyConfig{Bucket: bucket, Prefix: "results", User: bucket + "-ROLE"})); err != nil {
		t.Fatal(err)
	}
	return func(role store.Role) store.Bucket {
		c.Prefix, c.Create = "results", false
		if c.AccessKey, c.Secret = bucket+"-"+string(role), "secret-"+string(role); role == "" {
			c.AccessKey, c.Secret = server.Config(bucket).AccessKey, server.Config(bucket).Secret
		}
		b, err := s3.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// TestStolenKeys: on a real server a role's key does what store.Grants says, object by object, and no more.
func TestStolenKeys(t *testing.T) {
	open := guarded(t, fmt.Sprintf("guarded-%d", buckets.Add(1)))
	owner := open("")
	slide := store.Slide(pyramid.SlideID{0xab})
	run := slide.Run(pyramid.RunID{0xcd})
	order := store.Order(pyramid.SlideID{0xab})
	for _, c := range []struct {
		key                           string
		tile, segment, stitch, serves string
	}{
		{slide.Manifest(), "rw", "r", "r", "r"},
		{slide.PyramidTile(pyramid.Tile{Level: 3}), "rw", "r", "r", "r"},
		{slide.PyramidHead(), "rwd", "r", "r", "r"},
		{slide.Tissue(), "rw", "", "", "r"},
		{run.Plan(), "rw", "r", "r", "r"},
		{run.Region(pyramid.Region{Col: 1}), "", "rw", "r", "r"},
		{run.Quarantine(pyramid.Region{Col: 1}), "", "rwd", "r", "r"},
		{run.Report(), "", "", "rw", "r"},
		{run.Manifest(), "", "", "rw", "r"},
		{run.OverlayTile(pyramid.Tile{Level: 3}), "", "", "rw", "r"},
		{order.Record(), "", "", "", "rwd"},
		{order.End(), "r", "r", "r", "rwd"},
		{"slidemill/else", "", "", "", ""},
	} {
		for role, want := range map[store.Role]string{store.Tiler: c.tile, store.Segmenter: c.segment, store.Stitcher: c.stitch, store.Server: c.serves} {
			if err := owner.Put(t.Context(), c.key, strings.NewReader("x"), 1); err != nil {
				t.Fatal(err)
			}
			if got := can(t, open(role), c.key); got != want {
				t.Errorf("%s can %q with %s, want %q", role, got, c.key, want)
			}
		}
	}
}

// can tries everything with an object.
func can(t *testing.T, b store.Bucket, key string) (rights string) {
	t.Helper()
	try := func(letter string, err error) {
		switch {
		case err == nil:
			rights += letter
		case !errors.Is(err, store.ErrDenied):
			t.Errorf("%s: %v, want a denial", key, err)
		}
	}
	r, err := b.Get(t.Context(), key, 0, -1)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		err = errors.Join(err, r.Close())
	}
	try("r", err)
	try("w", b.Put(t.Context(), key, strings.NewReader("y"), 1))
	try("d", b.Delete(t.Context(), key))
	return rights
}
