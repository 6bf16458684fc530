//go:build unix

// Command cluster is scripts/cluster.sh: it starts, stops and shows a site of plain processes.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/slidemill/slidemill/scripts/site"
)

const usage = `usage: scripts/cluster.sh start|stop|status|env|logs [NAME]|kill NAME|restart NAME [--dir DIR] [--workers N] [--tls] [--patience D]

start   builds slidemill, nats-server and versitygw, makes passwords, starts everything on loopback
stop    ends everything; what the servers hold stays in DIR
status  who runs, and where
env     what a shell needs to talk to the site: eval "$(scripts/cluster.sh env)"
logs    the last lines of one process, or of all
kill    ends one process with signal 9, as a crash does; restart starts it again
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var c site.Config
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.StringVar(&c.Dir, "dir", "slidemill-cluster", "folder")
	flags.IntVar(&c.Workers, "workers", 4, "worker processes (first start)")
	flags.BoolVar(&c.TLS, "tls", false, "TLS for NATS and S3 (first start)")
	flags.DurationVar(&c.Patience, "patience", 0, "silence after which a worker counts as lost (first start)")
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	var words []string
	for len(args) > 0 { // flags may stand anywhere
		if err := flags.Parse(args); err != nil {
			return err
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if len(words) == 0 {
		return fmt.Errorf("say what to do\n%s", usage)
	}
	s, err := site.Open(c)
	if err != nil {
		return err
	}
	return do(s, words)
}

func do(s *site.Site, words []string) error {
	switch words[0] {
	case "start":
		if err := s.Build(); err != nil {
			return err
		}
		if err := s.Start(); err != nil {
			return err
		}
		return status(s)
	case "stop":
		return s.Stop()
	case "status":
		return status(s)
	case "env":
		return env(s)
	}
	return one(s, words)
}

// one does what concerns one process, or for logs all of them.
func one(s *site.Site, words []string) error {
	names := s.Names()
	if len(words) > 1 {
		names = words[1:]
	}
	for _, name := range names {
		p := s.Process(name)
		switch {
		case p == nil:
			return fmt.Errorf("no process %q: there are %s", name, strings.Join(s.Names(), ", "))
		case words[0] == "logs":
			fmt.Printf("== %s (%s)\n%s\n", name, p.Log(), p.Tail(20))
		case len(words) < 2:
			return fmt.Errorf("say which process\n%s", usage)
		case words[0] == "kill":
			if err := p.Kill(); err != nil {
				return err
			}
		case words[0] == "restart":
			if err := p.Stop(15 * time.Second); err != nil {
				return err
			}
			if err := p.Start(); err != nil {
				return err
			}
		default:
			return fmt.Errorf("unknown command %q\n%s", words[0], usage)
		}
	}
	return nil
}

func status(s *site.Site) error {
	down := 0
	for _, name := range s.Names() {
		state := "down"
		if pid := s.Process(name).PID(); pid != 0 {
			state = fmt.Sprintf("running (%d)", pid)
		} else {
			down++
		}
		fmt.Printf("%-10s %s\n", name, state)
	}
	fmt.Printf("web page http://127.0.0.1:%d   queue %s   store %s at %s\nfiles in %s\n",
		s.Ports.HTTP, s.NATSURL(""), site.Store, s.Endpoint(""), s.Dir)
	if down > 0 {
		return fmt.Errorf("%d processes are down: scripts/cluster.sh logs", down)
	}
	return nil
}

// env prints the environment of the operator's commands. The passwords stay in files, but for S3's,
// which the AWS tools take from the environment.
func env(s *site.Site) error {
	for _, line := range s.Environment("", "serve") {
		name, value, _ := strings.Cut(line, "=")
		if name != "TMPDIR" {
			fmt.Printf("export %s='%s'\n", name, value)
		}
	}
	fmt.Printf("export SLIDEMILL_NATS='%s' SLIDEMILL_STORE='%s'\n", s.NATSURL(""), site.Store)
	return nil
}
