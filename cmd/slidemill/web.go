package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/viewer"
)

// webFlags is what can be said of the web page.
type webFlags struct {
	listen    string
	anywhere  bool
	cert, key string
	tokenFile string
	hosts     []string

	token string // read from the file or the environment
}

// defaultListen is where the page is if nobody says otherwise.
const defaultListen = "127.0.0.1:8080"

// tokenVariable holds the token where no file does. There is no flag for the token itself: everybody on
// the machine can read arguments.
const tokenVariable = "SLIDEMILL_TOKEN"

func (f *webFlags) flags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", defaultListen, "address of the web page")
	fl.BoolVar(&f.anywhere, "listen-anywhere", false, "listen beyond this machine without TLS or without a token: only behind a proxy that has both")
	fl.StringVar(&f.cert, "tls-cert", "", "PEM file: certificate of the web page")
	fl.StringVar(&f.key, "tls-key", "", "PEM file: its key")
	fl.StringVar(&f.tokenFile, "token-file", "", "file with the token that opens the web page (or "+tokenVariable+")")
	fl.StringSliceVar(&f.hosts, "host", nil, "name under which the page may be asked for, beside addresses and localhost")
}

// minToken keeps a token from being guessed.
const minToken = 16

// settle reads the token and refuses to be reached from elsewhere unprotected.
func (f *webFlags) settle() error {
	f.token = os.Getenv(tokenVariable)
	if f.tokenFile != "" {
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return fmt.Errorf("token: %w", err)
		}
		f.token = strings.TrimSpace(string(text))
	}
	if f.token != "" && len(f.token) < minToken {
		return &usageError{fmt.Errorf("a token of %d characters can be guessed: want %d or more", len(f.token), minToken)}
	}
	if f.tokenFile != "" && f.token == "" {
		return &usageError{fmt.Errorf("token file %s is empty", f.tokenFile)}
	}
	if (f.cert == "") != (f.key == "") {
		return &usageError{errors.New("--tls-cert and --tls-key belong together")}
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return &usageError{fmt.Errorf("--listen %s: want HOST:PORT, such as 127.0.0.1:8080", f.listen)}
	}
	if !loopback(host) && !f.anywhere && (f.cert == "" || f.token == "") {
		return &usageError{fmt.Errorf("--listen %s can be reached from other machines: give --tls-cert, --tls-key and --token-file; or --listen-anywhere behind a proxy that has them", f.listen)}
	}
	return nil
}

// loopback reports an address that only this machine reaches. An empty host is every address.
func loopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback()
	}
	return host == "localhost"
}

// web is the open door of a serve.
type web struct {
	listener net.Listener
	server   *http.Server
	flags    *webFlags
}

func (f *webFlags) open(config viewer.Config) (*web, error) {
	handler, err := viewer.New(config)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w: name another address with --listen", f.listen, err)
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("certificate: %w", err), listener.Close())
		}
		if pair.Leaf != nil {
			f.hosts = append(f.hosts, pair.Leaf.DNSNames...)
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	gate := viewer.Gate{Token: f.token, Hosts: f.hosts}
	return &web{listener, &http.Server{
		Handler: gate.Wrap(handler), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, // writing is bounded piece by piece, by the gate
	}, f}, nil
}

// url is where the page is.
func (w *web) url() string {
	if w.flags.cert != "" {
		return "https://" + w.listener.Addr().String()
	}
	return "http://" + w.listener.Addr().String()
}

// serve answers until ctx ends.
func (w *web) serve(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err := w.server.Shutdown(end)
		if errors.Is(err, context.DeadlineExceeded) { // those who follow the news never leave by themselves
			err = w.server.Close()
		}
		stopped <- err
	}()
	if err := w.server.Serve(w.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
