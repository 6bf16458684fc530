package front

import (
	"io"
	"net"
	"sync"
)

// TCP is a proxy that can go dark: connections stay open but nothing passes in either direction, and
// nobody is told, as when a switch dies.
type TCP struct {
	Address  string
	target   string
	listener net.Listener

	mu   sync.Mutex
	open chan struct{} // closed while the light is on
}

// NewTCP starts a proxy on a free port of the loopback interface.
func NewTCP(target string) (*TCP, error) { return NewTCPOn("127.0.0.1:0", target) }

// NewTCPOn listens on a given address.
func NewTCPOn(address, target string) (*TCP, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	p := &TCP{Address: l.Addr().String(), target: target, listener: l, open: make(chan struct{})}
	close(p.open)
	go p.accept()
	return p, nil
}

// Close takes no more connections.
func (p *TCP) Close() error { return p.listener.Close() }

// Dark swallows everything from now on; Light lets it pass again. What was swallowed stays so: the
// connections of that time are cut when the light returns, as a firewall does that has forgotten them.
func (p *TCP) Dark() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// Light ends Dark.
func (p *TCP) Light() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.open)
}

// gate is closed while the light is on.
func (p *TCP) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

func (p *TCP) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(conn)
	}
}

func (p *TCP) serve(client net.Conn) {
	defer client.Close()
	<-p.gate() // accepted, and then silence
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer client.Close()
		defer server.Close()
		p.copy(server, client)
	}()
	p.copy(client, server)
}

// copy passes bytes on. Bytes that meet darkness wait for the light and are then lost, with the
// connection.
func (p *TCP) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-p.gate():
		default:
			<-p.gate()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
