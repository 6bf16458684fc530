//go:build unix

package main

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/slidemill/slidemill/pkg/pyramid"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
	"github.com/slidemill/slidemill/pkg/store/s3/s3test"
)

// composed is a service of docker-compose.yml as far as its keys matter.
type composed struct {
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
}

// composeFile reads docker-compose.yml as a container engine does: what stands for the caller's environment becomes that,
// and two dollar signs one.
func composeFile(t *testing.T, env map[string]string) map[string]composed {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`\$\$|\$\{(\w+)(:\?[^}]*)?\}`).ReplaceAllStringFunc(string(data), func(found string) string {
		if found == "$$" {
			return "$"
		}
		name, _, _ := strings.Cut(strings.Trim(found, "${}"), ":")
		if env[name] == "" {
			env[name] = "secretof" + strings.ReplaceAll(strings.ToLower(name), "_", "")
		}
		return env[name]
	})
	var file struct {
		Services map[string]composed `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// TestComposedKeys takes the steps of docker-compose.yml that divide the object store: the users, as its shell script
// writes them, then the bucket and its policy. After that each service's key does its role's work and no other's.
func TestComposedKeys(t *testing.T) {
	root := map[string]string{"S3_ACCESS_KEY": s3test.AccessKey, "S3_SECRET_KEY": s3test.Secret}
	services := composeFile(t, root)
	t.Chdir(".") // the server changes the process's directory
	dir := t.TempDir()
	server, err := s3test.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	writeUsers(t, services["users"], filepath.Join(dir, "users"))
	act := func(service string) {
		t.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
		t.Setenv("AWS_ACCESS_KEY_ID", services[service].Environment["AWS_ACCESS_KEY_ID"])
		t.Setenv("AWS_SECRET_ACCESS_KEY", services[service].Environment["AWS_SECRET_ACCESS_KEY"])
	}
	act("policy")
	if code, _, errs := command(services["policy"].Command...); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	run := store.Slide(pyramid.SlideID{1}).Run(pyramid.RunID{2})
	own := map[string]string{
		"serve": store.Order(pyramid.SlideID{1}).Record(), "tile": run.Plan(),
		"segment": run.Region(pyramid.Region{}), "stitch": run.Report(),
	}
	for service, key := range own {
		act(service)
		b, err := s3.Open(t.Context(), s3.Config{Bucket: "slidemill", Prefix: "results"})
		if err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		if err := b.Put(t.Context(), key, strings.NewReader("x"), 1); err != nil {
			t.Errorf("%s cannot do its work: %v", service, err)
		}
		for other, foreign := range own {
			if err := b.Put(t.Context(), foreign, strings.NewReader("x"), 1); other != service && !errors.Is(err, store.ErrDenied) {
				t.Errorf("%s may do what is for %s: %v", service, other, err)
			}
		}
	}
}

// writeUsers runs the script of the service that makes the users.
func writeUsers(t *testing.T, users composed, folder string) {
	t.Helper()
	if len(users.Command) != 3 {
		t.Fatalf("users has the command %q", users.Command)
	}
	script := strings.ReplaceAll(users.Command[2], "/users/", folder+"/")
	attempt := func(env map[string]string) ([]byte, error) {
		c := exec.CommandContext(t.Context(), users.Command[0], users.Command[1], script)
		for name, value := range env {
			c.Env = append(c.Env, name+"="+value)
		}
		c.Env = append(c.Env, "PATH="+os.Getenv("PATH"))
		return c.CombinedOutput()
	}
	if out, err := attempt(users.Environment); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	st, err := os.Stat(filepath.Join(folder, "users.json"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file of the users: %v, %v", st.Mode(), err)
	}
	odd := maps.Clone(users.Environment)
	odd["S3_TILE_SECRET_KEY"] = `a","role":"admin`
	if out, err := attempt(odd); err == nil || !strings.Contains(string(out), "secret of tile") {
		t.Errorf("a secret that makes another user of it: %v, %s", err, out)
	}
}

// No two services have the same key, and none works with the master's.
func TestComposedKeysDiffer(t *testing.T) {
	master := map[string]string{"S3_ACCESS_KEY": "master", "S3_SECRET_KEY": "mastersecret"}
	var seen []string
	for name, service := range composeFile(t, master) {
		key, works := service.Environment["AWS_SECRET_ACCESS_KEY"]
		if !works || name == "policy" {
			continue
		}
		if slices.Contains(seen, key) || key == "mastersecret" || service.Environment["AWS_ACCESS_KEY_ID"] != "slidemill-"+name {
			t.Errorf("%s has the key %s", name, service.Environment["AWS_ACCESS_KEY_ID"])
		}
		seen = append(seen, key)
	}
	if len(seen) != 4 {
		t.Errorf("%d services with a key, want 4", len(seen))
	}
}
