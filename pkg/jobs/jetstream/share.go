package jetstream

import (
	"crypto/rand"

	"github.com/nats-io/nats-server/v2/server"
)

// Contact is how other processes of this machine reach an embedded server. Its password is made anew
// at each start; keep it where only the same user can read.
type Contact struct {
	URL      string `json:"url"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// sharedUser is the name of whoever knows the password.
const sharedUser = "local"

// share lets an embedded server listen on loopback, for those who know the password.
func (q *Queue) share(o *server.Options) {
	if !q.config.Share {
		return
	}
	q.config.User, q.config.Password = sharedUser, rand.Text()
	o.DontListen, o.Host, o.Port = false, "127.0.0.1", server.RANDOM_PORT
	o.Username, o.Password = q.config.User, q.config.Password
	o.AuthTimeout = 20 // seconds: a busy machine is no intruder
}

// Contact tells how to reach the embedded server, and whether it is shared at all.
func (q *Queue) Contact() (c Contact, shared bool) {
	if q.embedded == nil || !q.config.Share {
		return c, false
	}
	return Contact{URL: q.embedded.ClientURL(), User: q.config.User, Password: q.config.Password}, true
}
