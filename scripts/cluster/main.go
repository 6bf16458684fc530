//go:build unix

// Command cluster is scripts/cluster.sh: it starts, stops and shows a site of plain processes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
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
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(args []string, out, errs io.Writer) error {
	var c site.Config
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.StringVar(&c.Dir, "dir", "slidemill-cluster", "folder")
	flags.IntVar(&c.Workers, "workers", 4, "worker processes (first start)")
	flags.BoolVar(&c.TLS, "tls", false, "TLS for NATS and S3 (first start)")
	flags.DurationVar(&c.Patience, "patience", 0, "silence after which a worker counts as lost (first start)")
	flags.SetOutput(errs)
	flags.Usage = func() { fmt.Fprint(errs, usage) }
	var words []string
	for len(args) > 0 { // flags may stand anywhere
		err := flags.Parse(args)
		if errors.Is(err, flag.ErrHelp) { // Usage has said all
			return nil
		}
		if err != nil {
			return err
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if len(words) == 0 {
		return fmt.Errorf("say what to do\n%s", usage)
	}
	if err := check(words[0], c.Dir); err != nil {
		return err
	}
	s, err := site.Open(c)
	if err != nil {
		return err
	}
	return do(s, words, out, errs)
}

// commands are what can be asked of a site.
var commands = []string{"start", "stop", "status", "env", "logs", "kill", "restart"}

// check refuses what cannot be done. Only start makes a site: anything else would do so where the folder is mistyped, and
// print keys that no server knows.
func check(command, dir string) error {
	switch {
	case !slices.Contains(commands, command):
		return fmt.Errorf("unknown command %q\n%s", command, usage)
	case command != "start" && !site.Exists(dir):
		return fmt.Errorf("there is no site in %s: check --dir, or make one with scripts/cluster.sh start --dir %s", dir, dir)
	}
	return nil
}

func do(s *site.Site, words []string, out, errs io.Writer) error {
	switch words[0] {
	case "start":
		if err := s.Build(); err != nil {
			return err
		}
		if err := s.Start(); err != nil {
			return err
		}
		return status(s, out)
	case "stop":
		return s.Stop()
	case "status":
		return status(s, out)
	case "env":
		sayDown(s, errs)
		return env(s, out)
	}
	return one(s, words, out)
}

// one does what concerns one process, or for logs all of them.
func one(s *site.Site, words []string, out io.Writer) error {
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
			fmt.Fprintf(out, "== %s (%s)\n%s\n", name, p.Log(), p.Tail(20))
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
		}
	}
	return nil
}

func status(s *site.Site, out io.Writer) error {
	for _, name := range s.Names() {
		state := "down"
		if pid := s.Process(name).PID(); pid != 0 {
			state = fmt.Sprintf("running (%d)", pid)
		}
		fmt.Fprintf(out, "%-10s %s\n", name, state)
	}
	fmt.Fprintf(out, "web page http://127.0.0.1:%d   queue %s   store %s at %s\nfiles in %s\n",
		s.Ports.HTTP, s.NATSURL(""), site.Store, s.Endpoint(""), s.Dir)
	if n := down(s); n > 0 {
		return fmt.Errorf("%d processes are down: scripts/cluster.sh logs", n)
	}
	return nil
}

// down counts the processes that do not run.
func down(s *site.Site) (n int) {
	for _, name := range s.Names() {
		if s.Process(name).PID() == 0 {
			n++
		}
	}
	return n
}

// sayDown says beside the environment of a site that does not run so, as nothing will answer there.
func sayDown(s *site.Site, errs io.Writer) {
	switch n := down(s); {
	case n == len(s.Names()):
		fmt.Fprintf(errs, "cluster: the site in %s does not run: scripts/cluster.sh start --dir %s\n", s.Dir, s.Dir)
	case n > 0:
		fmt.Fprintf(errs, "cluster: %d of the %d processes of the site in %s are down: scripts/cluster.sh status --dir %s\n", n, len(s.Names()), s.Dir, s.Dir)
	}
}

// env prints the environment of the operator's commands. The passwords stay in files, but for S3's,
// which the AWS tools take from the environment.
func env(s *site.Site, out io.Writer) error {
	for _, line := range s.Environment("", "serve") {
		name, value, _ := strings.Cut(line, "=")
		if name != "TMPDIR" {
			fmt.Fprintf(out, "export %s='%s'\n", name, value)
		}
	}
	fmt.Fprintf(out, "export SLIDEMILL_NATS='%s' SLIDEMILL_STORE='%s'\n", s.NATSURL(""), site.Store)
	return nil
}
