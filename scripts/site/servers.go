//go:build unix

package site

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
	"github.com/slidemill/slidemill/pkg/store"
	"github.com/slidemill/slidemill/pkg/store/s3"
)

const accessKey = "slidemill"

func natsUsers() (names []string) {
	for _, u := range jetstream.Users(jobs.Names{}) {
		names = append(names, u.Name)
	}
	return names
}

// configure writes the servers' configuration. nats-server reads passwords from its environment.
func (s *Site) configure() error {
	config := fmt.Sprintf("listen: \"127.0.0.1:%d\"\nhttp: \"127.0.0.1:%d\"\n", s.Ports.NATS, s.Ports.Monitor)
	if s.TLS {
		config += fmt.Sprintf("tls { cert_file: %q, key_file: %q }\n", s.path("secrets", "server.pem"), s.path("secrets", "server.key"))
	}
	config += "include \"rights.conf\"\n"
	return errors.Join(
		os.WriteFile(s.path("rights.conf"), []byte(jetstream.ServerConfig(jobs.Names{})), 0o640),
		os.WriteFile(s.path("nats.conf"), []byte(config), 0o640),
		os.MkdirAll(s.S3Dir+"/"+Bucket, 0o750), // versitygw keeps a bucket as a folder
		os.MkdirAll(s.NATSDir, 0o750),
	)
}

// processes is the topology of docker-compose.yml.
func (s *Site) processes() []*Process {
	all := []*Process{s.nats(), s.s3(), s.serve()}
	for i, roles := range Split(s.Workers) {
		all = append(all, s.worker(fmt.Sprintf("worker-%d", i+1), roles))
	}
	return all
}

// Split gives each of n workers its roles: tiling and stitching one each, if there are enough.
func Split(n int) (roles []string) {
	switch n {
	case 1:
		return []string{"tile,segment,stitch"}
	case 2:
		return []string{"tile,stitch", "segment"}
	}
	roles = append(roles, "tile")
	for range n - 2 {
		roles = append(roles, "segment")
	}
	return append(roles, "stitch")
}

func (s *Site) process(name string, args ...string) *Process {
	under, ok := s.Under[name]
	if !ok {
		under = s.UnderOthers
	}
	args = slices.Concat(under, args, s.Args[name])
	return &Process{Name: name, Args: args, log: s.path("log", name+".log"), pid: s.path("run", name+".pid")}
}

func (s *Site) nats() *Process {
	p := s.process("nats", s.path("bin", "nats-server"), "-c", s.path("nats.conf"))
	p.Env = []string{"SLIDEMILL_NATS_DIR=" + s.NATSDir}
	for _, u := range natsUsers() {
		p.Env = append(p.Env, "SLIDEMILL_"+strings.ToUpper(u)+"_PASSWORD="+s.secrets[u])
	}
	p.ready = answersTCP(s.Ports.NATS)
	return p
}

// s3 is versitygw, either the program that $VERSITYGW names or the same server in scripts/s3server.
func (s *Site) s3() *Process {
	address := fmt.Sprintf("127.0.0.1:%d", s.Ports.S3)
	args := []string{s.path("bin", "s3server"), "--listen", address, "--dir", s.S3Dir, "--users", s.path("users")}
	gateway := os.Getenv("VERSITYGW")
	if gateway != "" {
		args = []string{gateway, "--port", address, "--quiet", "--iam-dir", s.path("users")}
	}
	if s.TLS {
		args = append(args, "--cert", s.path("secrets", "server.pem"), "--key", s.path("secrets", "server.key"))
	}
	if gateway != "" {
		args = append(args, "posix", s.S3Dir)
	}
	p := s.process("s3", args...)
	p.Env = []string{"ROOT_ACCESS_KEY_ID=" + accessKey, "ROOT_SECRET_ACCESS_KEY=" + s.secrets["s3"]}
	p.ready = answersHTTP(s.scheme() + "://" + address)
	return p
}

func (s *Site) serve() *Process {
	p := s.mill("serve", "serve", "serve", "--workers", "0", "--data", s.path("serve"), "--listen", fmt.Sprintf("127.0.0.1:%d", s.Ports.HTTP))
	p.ready = answersHTTP(fmt.Sprintf("http://127.0.0.1:%d/healthz", s.Ports.HTTP))
	return p
}

func (s *Site) worker(name, roles string) *Process {
	user := roles
	if strings.Contains(roles, ",") {
		user = "worker"
	}
	return s.mill(name, user, "worker", "--roles", roles, "--workers", "1", "-v")
}

// mill is a process of slidemill that works as the user of the queue.
func (s *Site) mill(name, user string, args ...string) *Process {
	if s.Patience > 0 && user == "serve" {
		args = append(args, "--patience", s.Patience.String())
	}
	args = append([]string{s.path("bin", "slidemill")}, args...)
	p := s.process(name, append(args, "--nats", s.NATSURL(name), "--store", Store)...)
	p.Env = append(s.Environment(name, user), s.Env...)
	return p
}

// Environment tells a process of slidemill who it is to the servers.
func (s *Site) Environment(name, user string) []string {
	env := []string{
		"SLIDEMILL_NATS_USER=" + user, "SLIDEMILL_NATS_PASSWORD_FILE=" + s.path("secrets", user),
		"AWS_ENDPOINT_URL=" + s.Endpoint(name), "AWS_ACCESS_KEY_ID=" + s3User(store.Role(user)), "AWS_SECRET_ACCESS_KEY=" + s.secrets[s3Secret(store.Role(user))],
		"TMPDIR=" + s.path("tmp"),
	}
	if s.TLS {
		env = append(env, "SLIDEMILL_NATS_CA="+s.path("secrets", "ca.pem"), "AWS_CA_BUNDLE="+s.path("secrets", "ca.pem"))
	}
	return env
}

func (s *Site) behind(name string) bool { return len(s.Behind) == 0 || slices.Contains(s.Behind, name) }

// NATSURL is where the process finds the queue.
func (s *Site) NATSURL(name string) string {
	scheme := "nats"
	if s.TLS {
		scheme = "tls"
	}
	if s.NATSFront != "" && s.behind(name) {
		return scheme + "://" + s.NATSFront
	}
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.Ports.NATS)
}

// Endpoint is where the process finds the store.
func (s *Site) Endpoint(name string) string {
	if s.S3Front != "" && s.behind(name) {
		return s.scheme() + "://" + s.S3Front
	}
	return fmt.Sprintf("%s://127.0.0.1:%d", s.scheme(), s.Ports.S3)
}

func (s *Site) scheme() string {
	if s.TLS {
		return "https"
	}
	return "http"
}

// Queue connects the calling program to the queue as the server's user.
func (s *Site) Queue(ctx context.Context) (*jetstream.Queue, error) {
	c := jetstream.Config{URL: s.NATSURL("-"), User: "serve", Password: s.secrets["serve"]}
	if s.TLS {
		c.CA = s.path("secrets", "ca.pem")
	}
	return jetstream.Open(ctx, c)
}

// Objects opens the store undisturbed.
func (s *Site) Objects(ctx context.Context) (*s3.Bucket, error) {
	c := s3.Config{Bucket: Bucket, Prefix: "results", Endpoint: s.Endpoint("-"), AccessKey: accessKey, Secret: s.secrets["s3"]}
	if s.TLS {
		c.CA = s.path("secrets", "ca.pem")
	}
	return s3.Open(ctx, c)
}

func answersTCP(port int) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// answersHTTP takes any answer for a sign of life. Whose certificate it is, the clients check.
func answersHTTP(url string) func() error {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	return func() error {
		answer, err := client.Get(url)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
}
