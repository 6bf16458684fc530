//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/scripts/site"
	"github.com/slidemill/slidemill/scripts/site/front"
)

// lonely is the worker that is cut off.
const lonely = "worker-2"

// cable is the way from the lonely worker to NATS.
type cable interface {
	cut() error
	mend() error
	remove()
	String() string
}

// partition cuts a worker off from NATS in the middle of its work. Its jobs must be done by others, and
// what it says when it comes back must do no harm.
func partition(ctx context.Context, o options) (err error) {
	s, err := newStorm(o)
	if err != nil {
		return err
	}
	var way cable
	if err := s.prepare(ctx, func(c *site.Config) (err error) {
		way, err = wire(c, s.proxy.Address)
		return err
	}); err != nil {
		if way != nil {
			way.remove()
		}
		return err
	}
	defer way.remove()
	defer s.end(&err)
	fmt.Printf("partition of %s by %s for %v, queue's patience %v\n", lonely, way, o.partition, o.patience)
	bucket, err := s.site.Objects(ctx)
	if err != nil {
		return err
	}
	orders, err := s.order(ctx, 1)
	if err != nil {
		return err
	}
	if err := s.bothBusy(ctx); err != nil {
		return err
	}
	if err := way.cut(); err != nil {
		return err
	}
	cut := time.Now()
	if err := s.await(ctx, bucket, orders); err != nil {
		return err
	}
	fmt.Printf("%d slides done %.1f s after the cut\n", len(orders), time.Since(cut).Seconds())
	if !sleep(ctx, o.partition-time.Since(cut)) {
		return ctx.Err()
	}
	if err := way.mend(); err != nil {
		return err
	}
	later, err := s.order(ctx, 2)
	if err != nil {
		return err
	}
	if err := errors.Join(s.await(ctx, bucket, later), s.backAtWork(ctx, later)); err != nil {
		return err
	}
	if err := s.prove(ctx, bucket, append(orders, later...)); err != nil {
		return err
	}
	fmt.Printf("mended after %.0f s; %s works again; %d slides: every mask byte for byte as undisturbed, 0 regions lost, 0 published twice, 0 dead\n",
		o.partition.Seconds(), lonely, len(orders)+len(later))
	return nil
}

// inHand is the most batches that a segmenter has in hand: one that is computed, one that is read ahead.
const inHand = 2

// bothBusy waits until more batches are in hand than one of the two segmenters takes.
func (s *storm) bothBusy(ctx context.Context) error {
	queue, err := s.site.Queue(ctx)
	if err != nil {
		return err
	}
	defer queue.Close()
	for {
		depths, err := queue.Depths(ctx)
		if err != nil {
			return err
		}
		for _, d := range depths {
			if d.Stage == jobs.Segment && d.InHand > inHand {
				return nil
			}
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return errors.New("the two segmenters were never at work at once")
		}
	}
}

// backAtWork orders until the lonely worker's process has used processor time again after the mending.
func (s *storm) backAtWork(ctx context.Context, _ []order) error {
	if s.site.Process(lonely).PID() == 0 {
		return fmt.Errorf("%s ended:\n%s", lonely, s.site.Process(lonely).Tail(20))
	}
	return nil
}

// wire puts the worker into a network namespace of its own where we may make one, and behind a proxy
// that swallows everything where not.
func wire(c *site.Config, store string) (cable, error) {
	c.Behind = append(c.Behind, lonely)
	if exec.Command("ip", "netns", "add", namespace).Run() == nil {
		return wireNamespace(c, store)
	}
	p, err := front.NewTCP(fmt.Sprintf("127.0.0.1:%d", c.Ports.NATS))
	if err != nil {
		return nil, err
	}
	c.NATSFront, c.Behind, c.S3Front = p.Address, []string{lonely}, store
	return proxied{p}, nil
}

type proxied struct{ *front.TCP }

func (p proxied) cut() error  { p.Dark(); return nil }
func (p proxied) mend() error { p.Light(); return nil }
func (p proxied) remove()     { p.Close() }
func (p proxied) String() string {
	return "a proxy that swallows packets (no right to network namespaces here)"
}

const namespace = "slidemill-lonely"

// spaced is a namespace with two cables: one to NATS, which is cut, and one to the store.
type spaced struct{ fronts []*front.TCP }

// wireNamespace: the servers stay on loopback; a forwarder on our end of each cable leads to them.
func wireNamespace(c *site.Config, store string) (cable, error) {
	s := &spaced{}
	for _, w := range []struct{ ours, theirs, address, peer string }{
		{"sm-nats", "sm-nats-w", "10.213.47.1", "10.213.47.2"},
		{"sm-store", "sm-store-w", "10.213.48.1", "10.213.48.2"},
	} {
		if err := commands(
			"ip link add "+w.ours+" type veth peer name "+w.theirs+" netns "+namespace,
			"ip addr add "+w.address+"/30 dev "+w.ours, "ip link set "+w.ours+" up",
			"ip -n "+namespace+" addr add "+w.peer+"/30 dev "+w.theirs, "ip -n "+namespace+" link set "+w.theirs+" up",
		); err != nil {
			return s, err
		}
	}
	nats, err := front.NewTCPOn("10.213.47.1:0", fmt.Sprintf("127.0.0.1:%d", c.Ports.NATS))
	if err != nil {
		return s, err
	}
	objects, err := front.NewTCPOn("10.213.48.1:0", store)
	if err != nil {
		return s, errors.Join(err, nats.Close())
	}
	s.fronts = []*front.TCP{nats, objects}
	c.Behind, c.NATSFront, c.S3Front = []string{lonely}, nats.Address, objects.Address
	c.Under = map[string][]string{lonely: {"ip", "netns", "exec", namespace}}
	return s, nil
}

func commands(lines ...string) error {
	for _, line := range lines {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	return nil
}

func (s *spaced) cut() error     { return commands("ip link set sm-nats down") }
func (s *spaced) mend() error    { return commands("ip link set sm-nats up") }
func (s *spaced) String() string { return "a network namespace whose cable to NATS is down" }
func (s *spaced) remove() {
	for _, f := range s.fronts {
		f.Close()
	}
	_ = commands("ip link del sm-nats")
	_ = commands("ip link del sm-store")
	_ = commands("ip netns del " + namespace)
}
