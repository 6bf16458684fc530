//go:build unix

// Command s3server is versitygw as a process of its own, on a folder: the S3 server of scripts/cluster.sh,
// where building versitygw's own program, with all that it can do besides, would take minutes. The folders
// below --dir are the buckets. Its master comes from ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY, as
// versitygw's does.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("s3server: ")
	listen := flag.String("listen", "127.0.0.1:7070", "address")
	dir := flag.String("dir", "", "folder of the buckets")
	users := flag.String("users", "", "folder of the users besides the master, as versitygw's --iam-dir")
	cert := flag.String("cert", "", "TLS certificate; with --key")
	key := flag.String("key", "", "TLS key")
	profile := flag.String("profile", "", "write where processor time goes to a `file` for go tool pprof")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *dir, &embedgw.Config{
		RootUserAccess: os.Getenv("ROOT_ACCESS_KEY_ID"), RootUserSecret: os.Getenv("ROOT_SECRET_ACCESS_KEY"), Region: "us-east-1", IAMDir: *users,
		Ports: []string{*listen}, CertFile: *cert, KeyFile: *key, Quiet: true, KeepAlive: true,
		IAMCacheTTL: 120, IAMCachePrune: 3600, // seconds, as of versitygw's own program; with 0 the cache is pruned without a pause
		MaxConnections: 1000, MaxRequests: 1000, AdminMaxConnections: 10, AdminMaxRequests: 10, MultipartMaxParts: 10_000,
	}); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, dir string, c *embedgw.Config) error {
	if c.RootUserAccess == "" || c.RootUserSecret == "" {
		return errors.New("want ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY in the environment")
	}
	dir, err := filepath.Abs(dir) // the backend changes the process's directory
	if err != nil {
		return err
	}
	backend, err := backend(dir)
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(ctx, backend, c)
}

// backend keeps what it knows about an object in extended attributes, or beside the folder on a file
// system that has none.
func backend(dir string) (*posix.Posix, error) {
	if (meta.XattrMeta{}).Test(dir) == nil {
		return posix.New(dir, meta.XattrMeta{}, posix.PosixOpts{})
	}
	side := dir + ".meta"
	if err := os.MkdirAll(side, 0o750); err != nil {
		return nil, err
	}
	sidecar, err := meta.NewSideCar(side)
	if err != nil {
		return nil, err
	}
	return posix.New(dir, sidecar, posix.PosixOpts{SideCarDir: side})
}
