package jetstream

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestAway: a process that stays waits for a server that may come; what no waiting mends it reports.
func TestAway(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"refused":    {&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, true},
		"cable out":  {&net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}, true},
		"not set up": {ErrNotSetUp, true},
		"no name":    {&net.DNSError{Err: "no such host", Name: "queue", IsNotFound: true}, false},
		"other":      {errors.New("authorization violation"), false},
	} {
		if got := Away(fmt.Errorf("open queue: %w", c.err)); got != c.want {
			t.Errorf("%s: away %v, want %v", name, got, c.want)
		}
	}
}
