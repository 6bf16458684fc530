//go:build unix

// Package s3test runs a real S3 server, versitygw, in the test process: over HTTP, on a directory, with
// signatures checked. It is for tests only.
package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/slidemill/slidemill/pkg/store/s3"
)

// The server's master.
const (
	AccessKey = "slidemill-test"
	Secret    = "not-a-secret-at-all"
)

// Server is a running S3 server. One may run per process: versitygw has global state.
type Server struct {
	Endpoint string
	Dir      string // what it stores

	users *auth.IAMServiceInternal
	stop  context.CancelFunc
	done  chan error
}

// Start runs a server on a free port of the loopback interface. The directory must be empty; what the
// file system can't attach to files lies beside them.
func Start(dir string) (*Server, error) {
	data, side, iam := filepath.Join(dir, "data"), filepath.Join(dir, "meta"), filepath.Join(dir, "users")
	for _, d := range []string{data, side, iam} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	backend, err := backend(data, side)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	users, err := auth.NewInternal(auth.Account{Access: AccessKey, Secret: Secret, Role: auth.RoleAdmin}, iam)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{Endpoint: "http://" + address, Dir: data, users: users, stop: stop, done: make(chan error, 1)}
	go func() {
		s.done <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: AccessKey, RootUserSecret: Secret, Region: "us-east-1", IAMService: users,
			Ports: []string{address}, Quiet: true, KeepAlive: true,
			MaxConnections: 1000, MaxRequests: 1000, AdminMaxConnections: 10, AdminMaxRequests: 10,
			MultipartMaxParts: 10_000,
		})
	}()
	if err := s.await(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// backend keeps what it knows about an object in extended attributes, or beside the object on a file
// system that has none.
func backend(data, side string) (*posix.Posix, error) {
	if (meta.XattrMeta{}).Test(data) == nil {
		return posix.New(data, meta.XattrMeta{}, posix.PosixOpts{})
	}
	sidecar, err := meta.NewSideCar(side)
	if err != nil {
		return nil, err
	}
	return posix.New(data, sidecar, posix.PosixOpts{SideCarDir: side})
}

// freeAddress is free a moment before the server takes it; versitygw can't say which port it got.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *Server) await() error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get(s.Endpoint); err == nil {
			return answer.Body.Close()
		}
	}
	return fmt.Errorf("S3 server at %s does not answer", s.Endpoint)
}

// Stop ends the server.
func (s *Server) Stop() error {
	s.stop()
	err := <-s.done
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// AddUser makes a user without rights, whose access key is the name.
func (s *Server) AddUser(name, secret string) error {
	return s.users.CreateAccount(auth.Account{Access: name, Secret: secret, Role: auth.RoleUser})
}

// Config is how to reach a bucket of the server, which Open makes.
func (s *Server) Config(bucket string) s3.Config {
	return s3.Config{
		Bucket: bucket, Endpoint: s.Endpoint, Region: "us-east-1",
		AccessKey: AccessKey, Secret: Secret, Create: true,
	}
}
