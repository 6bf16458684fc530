//go:build unix

// Command chaos is scripts/chaos.sh: it takes slides through a site of real servers and four workers
// while it kills processes and spoils the store's answers, and proves after each round that nothing of
// it shows: all masks byte for byte as undisturbed, no region lost, none published twice, none dead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slidemill/slidemill/scripts/site"
	"github.com/slidemill/slidemill/scripts/site/front"
)

type options struct {
	rounds, slides int
	seed           uint64
	dir            string
	stall          time.Duration
	patience       time.Duration
	limit          time.Duration
	keep           bool
	partition      time.Duration
	full           bool
}

func main() {
	var o options
	flag.IntVar(&o.slides, "slides", 3, "slides in each round")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "what happens when is a function of it, but for the scheduler's part")
	flag.StringVar(&o.dir, "dir", "", "folder (default: a temporary one)")
	flag.DurationVar(&o.stall, "stall", 30*time.Second, "length of a stall of the store")
	flag.DurationVar(&o.patience, "patience", 8*time.Second, "of the queue: silence after which a worker counts as lost")
	flag.DurationVar(&o.limit, "limit", 5*time.Minute, "a round that takes longer has lost something")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder")
	flag.DurationVar(&o.partition, "partition", 0, "instead: cut one worker off from NATS for so long (scripts/check-partition.sh)")
	flag.BoolVar(&o.full, "full", false, "instead: fill the servers' disks (scripts/check-full.sh); needs root, for small disks")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: scripts/chaos.sh [options] [ROUNDS]")
		flag.PrintDefaults()
	}
	flag.Parse()
	o.rounds = 50
	if flag.NArg() > 0 {
		n, err := strconv.Atoi(flag.Arg(0))
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "chaos: ROUNDS: want a number from 1")
			os.Exit(2)
		}
		o.rounds = n
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	trial := run
	switch {
	case o.partition > 0:
		trial = partition
	case o.full:
		trial = full
	}
	if err := trial(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// storm is the whole trial.
type storm struct {
	options
	rng   *rand.Rand
	site  *site.Site
	proxy *front.S3
	base  []*base
	calm  time.Duration // an undisturbed round
	kills map[string]int
	late  int // rounds that were over before the kill
}

func newStorm(o options) (s *storm, err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "slidemill-chaos-"); err != nil {
			return nil, err
		}
	}
	return &storm{options: o, rng: rand.New(rand.NewPCG(o.seed, 0)), kills: map[string]int{}}, nil
}

// end stops everything; the files go if all went well.
func (s *storm) end(err *error) {
	*err = errors.Join(*err, s.site.Stop(), s.proxy.Close())
	if *err == nil && !s.keep {
		*err = os.RemoveAll(s.dir)
	}
}

func run(ctx context.Context, o options) (err error) {
	s, err := newStorm(o)
	if err != nil {
		return err
	}
	fmt.Printf("chaos: %d rounds, seed %d, %d slides each, files in %s\n", o.rounds, o.seed, o.slides, s.dir)
	started := time.Now()
	if err := s.prepare(ctx, func(*site.Config) error { return nil }); err != nil {
		return err
	}
	defer s.end(&err)
	calm, err := s.round(ctx, 0)
	if err != nil {
		return fmt.Errorf("undisturbed round: %w", err)
	}
	s.calm = calm
	stormy := time.Now()
	for i := 1; i <= o.rounds; i++ {
		if _, err := s.round(ctx, i); err != nil {
			return fmt.Errorf("round %d, seed %d (files are kept in %s): %w", i, o.seed, s.dir, err)
		}
	}
	fmt.Printf("\n%d rounds, %d slides: every mask byte for byte as undisturbed, 0 regions lost, 0 published twice, 0 dead\n", o.rounds, o.rounds*o.slides)
	fmt.Printf("kills -9: %s%s\nfaults: %s\n%.0f s in all, %.1f s a round, %.1f s undisturbed\n", tally(s.kills), s.lateWords(), tally(s.proxy.Faults),
		time.Since(started).Seconds(), time.Since(stormy).Seconds()/float64(o.rounds), s.calm.Seconds())
	return nil
}

func (s *storm) lateWords() string {
	if s.late == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of them after the last slide was done)", s.late)
}

func tally(counts map[string]int) string {
	total := 0
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		total += counts[name]
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}

// prepare builds everything, makes the slides and what must come of them, and starts the site. change has
// the last word on how the site is wired.
func (s *storm) prepare(ctx context.Context, change func(*site.Config) error) (err error) {
	c := site.Config{Dir: s.dir, Workers: 4, Patience: s.patience}
	if s.site, err = site.Open(c); err != nil { // chooses the ports
		return err
	}
	if err := s.site.Build(); err != nil {
		return err
	}
	if s.proxy, err = front.NewS3(s.site.Endpoint("-"), s.stall, s.seed); err != nil {
		return err
	}
	c.S3Front = s.proxy.Address
	c.Behind = s.site.Names()
	c.Ports = s.site.Ports
	if err := change(&c); err != nil {
		return err
	}
	if s.site, err = site.Open(c); err != nil {
		return err
	}
	for i := range s.slides {
		b, err := makeBase(ctx, s.site, s.dir, i)
		if err != nil {
			return err
		}
		s.base = append(s.base, b)
	}
	return s.site.Start()
}
