//go:build unix

// Package site runs a whole site as plain processes on the loopback interface: the topology of
// docker-compose.yml with real servers, nats-server and versitygw. scripts/cluster.sh starts and stops
// one for a person; chaos, partition and benchmarks kill its parts. It is for tests and trials: it does
// not supervise, and nothing of it is part of the product.
//
//	DIR/site.json     ports and settings, chosen at the first start and kept
//	DIR/secrets/      passwords and keys, generated; readable by their owner only
//	DIR/bin/          the programs
//	DIR/log/NAME.log  what each process says
//	DIR/run/NAME.pid
//	DIR/nats DIR/s3   what the servers hold
package site

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config is what a site is made of. It is kept in site.json, secrets apart.
type Config struct {
	Dir      string        `json:"-"`
	Workers  int           `json:"workers"`
	TLS      bool          `json:"tls"`
	Patience time.Duration `json:"patience,omitempty"` // of the queue; 0 means its default
	Ports    Ports         `json:"ports"`
	// S3Front and NATSFront, if set, are addresses that stand before the servers: a proxy that
	// disturbs. Who is named in Behind is told these instead.
	S3Front   string   `json:"-"`
	NATSFront string   `json:"-"`
	Behind    []string `json:"-"` // names of processes; empty means all
	// Disk is where the servers' files lie, if not in Dir.
	NATSDir string `json:"nats_dir,omitempty"`
	S3Dir   string `json:"s3_dir,omitempty"`
	// Under is put before a process's command, by name: taskset -c 0, ip netns exec NAME.
	Under map[string][]string `json:"-"`
	// UnderOthers is put before the commands of processes that Under does not name.
	UnderOthers []string `json:"-"`
	// Args is added to a process's arguments, by name.
	Args map[string][]string `json:"-"`
	// Env is added to the environment of slidemill's processes.
	Env []string `json:"-"`
}

// Ports of the site, all on loopback.
type Ports struct {
	NATS    int `json:"nats"`
	Monitor int `json:"nats_monitor"`
	S3      int `json:"s3"`
	HTTP    int `json:"http"`
}

// Site is a set of processes. Its methods are for one goroutine at a time, but for Kill and Start of
// different processes.
type Site struct {
	Config
	secrets map[string]string
	all     []*Process
}

// Bucket is the name of the site's bucket, Store what --store is told.
const (
	Bucket = "slidemill"
	Store  = "s3://" + Bucket + "/results"
)

// Exists reports whether a folder was prepared by Open.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, siteFile))
	return err == nil
}

// siteFile holds the ports and settings of a folder's site.
const siteFile = "site.json"

// Open prepares a folder, or finds what was prepared there, and builds nothing.
func Open(c Config) (*Site, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	c.Dir = dir
	if err := c.load(); err != nil {
		return nil, err
	}
	s := &Site{Config: c}
	for _, d := range []string{"bin", "log", "run", "tmp"} {
		if err := os.MkdirAll(s.path(d), 0o750); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(os.MkdirAll(s.path("secrets"), 0o700), s.generate(), s.configure(), s.writeUsers()); err != nil {
		return nil, err
	}
	s.all = s.processes()
	return s, nil
}

// load takes what site.json says, and writes it if there is none.
func (c *Config) load() error {
	file := filepath.Join(c.Dir, siteFile)
	data, err := os.ReadFile(file)
	if err == nil {
		return json.Unmarshal(data, c)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if c.Ports, err = freePorts(); err != nil {
		return err
	}
	if c.Workers < 1 {
		c.Workers = 4
	}
	if c.NATSDir == "" {
		c.NATSDir = filepath.Join(c.Dir, "nats")
	}
	if c.S3Dir == "" {
		c.S3Dir = filepath.Join(c.Dir, "s3")
	}
	if data, err = json.MarshalIndent(c, "", "  "); err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(c.Dir, 0o750), os.WriteFile(file, data, 0o640))
}

// freePorts are free a moment before the servers take them.
func freePorts() (p Ports, err error) {
	for _, port := range []*int{&p.NATS, &p.Monitor, &p.S3, &p.HTTP} {
		l, err := listenFree()
		if err != nil {
			return p, err
		}
		defer l.Close() // all are held until the last is chosen
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

// Servers listen on ports that no system gives to outgoing connections unasked (on Linux from 32768 on, elsewhere from 49152):
// one of those may take a server's port before it starts, or while it is down.
const (
	firstPort = 20_000
	lastPort  = 32_767
	portTries = 100
)

func listenFree() (l net.Listener, err error) {
	for range portTries {
		port := firstPort + mathrand.IntN(lastPort-firstPort+1)
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return nil, err
}

func (s *Site) path(parts ...string) string {
	return filepath.Join(append([]string{s.Dir}, parts...)...)
}

// generate makes a password for every user that has none yet.
func (s *Site) generate() error {
	s.secrets = map[string]string{}
	for _, name := range slices.Concat(natsUsers(), []string{"s3"}, s3Secrets()) {
		file := s.path("secrets", name)
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			data = []byte(rand.Text())
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			return err
		}
		s.secrets[name] = strings.TrimSpace(string(data))
	}
	if s.TLS {
		return makeCertificates(s.path("secrets"))
	}
	return nil
}

// Build compiles the programs from the module in the current directory.
func (s *Site) Build() error {
	cmd := exec.Command("go", "build", "-o", s.path("bin")+"/", "./cmd/slidemill", "./scripts/s3server", "github.com/nats-io/nats-server/v2")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// Names lists the processes in the order in which they start.
func (s *Site) Names() (names []string) {
	for _, p := range s.all {
		names = append(names, p.Name)
	}
	return names
}

// Process finds a process by name.
func (s *Site) Process(name string) *Process {
	i := slices.IndexFunc(s.all, func(p *Process) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return s.all[i]
}

// Start starts what is not running and waits until the servers answer.
func (s *Site) Start() error {
	for _, p := range s.all {
		if err := p.Start(); err != nil {
			return err
		}
		if p.Name != "s3" {
			continue
		}
		if err := s.authorise(p); err != nil { // before there is anybody who needs the rights
			return err
		}
	}
	return s.Await(time.Minute)
}

// Await waits until every server answers.
func (s *Site) Await(patience time.Duration) error {
	for _, p := range s.all {
		if err := p.await(patience); err != nil {
			return err
		}
	}
	return nil
}

// Stop asks everything to end, the last started first, and kills what does not.
func (s *Site) Stop() error {
	var errs []error
	for _, p := range slices.Backward(s.all) {
		errs = append(errs, p.Stop(15*time.Second))
	}
	return errors.Join(errs...)
}
