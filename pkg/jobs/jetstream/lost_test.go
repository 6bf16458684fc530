package jetstream_test

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/slidemill/slidemill/pkg/jobs"
	"github.com/slidemill/slidemill/pkg/jobs/jetstream"
)

// TestLostAnswer: an answer that never comes while the stream is made costs one attempt, not the opening.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	s := listen(t, t.TempDir(), 0, nil)
	way := &lossy{to: s.Addr().String(), word: []byte("stream_create_response")}
	q := open(t, jetstream.Config{URL: "nats://" + way.listen(t)})
	if n := way.lost.Load(); n != 1 {
		t.Fatalf("%d answers lost, want 1", n)
	}
	job := jobs.NewStitch(slide, run)
	if err := q.Publish(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if d, err := q.Take(t.Context(), job.Stage); err != nil || d.Job().ID != job.ID {
		t.Errorf("took %+v, %v", d, err)
	}
}

// lossy is a way to a server on which the first answer that holds a word is lost. The connection lives on.
type lossy struct {
	to   string
	word []byte
	lost atomic.Int64
}

func (l *lossy) listen(t *testing.T) string {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	go func() {
		for {
			client, err := in.Accept()
			if err != nil {
				return
			}
			go l.serve(client)
		}
	}()
	return in.Addr().String()
}

func (l *lossy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	l.answer(client, server)
}

// answer hands on what the server writes at once, as it writes one message, but for the answer that is to be lost.
func (l *lossy) answer(client io.Writer, server io.Reader) {
	buf := make([]byte, 1<<20)
	for {
		n, err := server.Read(buf)
		if bytes.Contains(buf[:n], l.word) && l.lost.CompareAndSwap(0, 1) {
			continue
		}
		if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
