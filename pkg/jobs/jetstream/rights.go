package jetstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/jobs"
)

// Rights are the subjects that a user of the server needs, and no others.
type Rights struct{ Publish, Subscribe []string }

// handsOn lists which jobs a stage makes: those of the next one, and the stitcher also the regions that
// it found missing.
var handsOn = map[jobs.Stage][]jobs.Stage{
	jobs.Tile:    {jobs.Segment, jobs.Stitch},
	jobs.Segment: {jobs.Stitch},
	jobs.Stitch:  {jobs.Segment, jobs.Stitch},
}

// InboxOf begins the subjects on which a user gets answers. Each user has his own: who may listen on
// all of them could read every job that is handed to somebody else.
func InboxOf(user string) string {
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}
	if user == "" || strings.ContainsFunc(user, bad) {
		return "_INBOX"
	}
	return "_INBOX." + user
}

// RightsOf are the rights of a worker of the stages. It can take, keep and end jobs of its own stages
// and publish those that come after. It can neither read nor take another stage's jobs (a tile job holds
// the path of a file), nor see dead jobs of another stage, nor change or look into the stream.
func RightsOf(n jobs.Names, user string, stages ...jobs.Stage) Rights {
	r := Rights{Subscribe: []string{InboxOf(user) + ".>"}}
	allow := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !slices.Contains(r.Publish, s) {
			r.Publish = append(r.Publish, s)
		}
	}
	bucket := func(name string, s string) {
		allow("$JS.API.STREAM.INFO.KV_%s", name)
		allow("$JS.API.DIRECT.GET.KV_%s.$KV.%s.%s", name, name, s)
		allow("$KV.%s.%s", name, s)
	}
	allow("%s", n.AllNews())
	for _, s := range stages {
		r.Subscribe = append(r.Subscribe, n.JobsOf(s)) // the bell
		for _, l := range jobs.Lanes(false) {
			c := n.Consumer(s, l)
			allow("$JS.API.CONSUMER.INFO.%s.%s", n.Stream(), c)
			allow("$JS.API.CONSUMER.MSG.NEXT.%s.%s", n.Stream(), c)
			allow("$JS.ACK.%s.%s.>", n.Stream(), c)
		}
		for _, next := range handsOn[s] {
			allow("%s", n.JobsOf(next))
			bucket(n.Retry(), string(next)+".>")
		}
		bucket(n.Dead(), string(s)+".>")
		allow("$KV.%s.malformed.*", n.Dead())
		if marksParts(s) {
			bucket(n.Progress(), ">")
		}
	}
	return r
}

// RightsOfServer are the rights of `serve` and of the operator's commands: they make the streams, hand
// jobs in, look at and cancel them. They are the account's masters; keep their password off the workers.
func RightsOfServer(n jobs.Names, user string) Rights {
	r := Rights{
		Publish:   []string{n.String() + ".>", "$JS.API.>", "$JS.ACK." + n.Stream() + ".>", "$JS.FC.>"},
		Subscribe: []string{InboxOf(user) + ".>", n.String() + ".>", "$JS.EVENT.ADVISORY.>"},
	}
	for _, b := range []string{n.Progress(), n.Dead(), n.Retry()} {
		r.Publish = append(r.Publish, "$KV."+b+".>")
		r.Subscribe = append(r.Subscribe, "$KV."+b+".>")
	}
	return r
}

// Users are the users of a server's configuration, by the text of `--roles`; serve is the server's.
// The environment variable SLIDEMILL_<NAME>_PASSWORD has each one's password.
func Users(n jobs.Names) []User {
	users := []User{{"serve", RightsOfServer(n, "serve")}}
	for _, s := range jobs.Stages() {
		users = append(users, User{string(s), RightsOf(n, string(s), s)})
	}
	return append(users, User{"worker", RightsOf(n, "worker", jobs.Stages()...)})
}

// User is a name and what it may do.
type User struct {
	Name string
	Rights
}

// ServerConfig is a configuration for nats-server that gives each role its rights. Passwords and the
// folder come from the server's environment. What a site adds (addresses, TLS) goes into a file that
// includes this one.
func ServerConfig(n jobs.Names) string {
	var b strings.Builder
	fmt.Fprintf(&b, serverHead, strings.ToUpper(n.String()))
	for _, u := range Users(n) {
		fmt.Fprintf(&b, "      { user: %s, password: $SLIDEMILL_%s_PASSWORD, permissions: {\n", u.Name, strings.ToUpper(u.Name))
		fmt.Fprintf(&b, "        publish: { allow: [%s] }\n", quoted(u.Publish))
		fmt.Fprintf(&b, "        subscribe: { allow: [%s] } } }\n", quoted(u.Subscribe))
	}
	return b.String() + "    ]\n  }\n}\n"
}

// serverHead begins what an operator gives to nats-server. deploy/nats.conf is the same text; a test rewrites it with
// -update.
const serverHead = `# Configuration of nats-server for Slidemill: one user for each role, with the rights that it needs and no
# others. Printed by "slidemill rights nats"; after an update of Slidemill print it again instead of editing it,
# and put what your site adds (addresses, TLS) into a file that includes this one.
# In the server's environment: SLIDEMILL_NATS_DIR, the folder for the jobs, and for each user below
# SLIDEMILL_<USER>_PASSWORD. "serve" may do everything on the queue: keep its password off the workers. A worker
# can neither read nor take another role's jobs, nor look into the stream or change it.
server_name: slidemill
max_payload: 1MB
jetstream {
  store_dir: $SLIDEMILL_NATS_DIR
  max_memory_store: 64MB
  max_file_store: 2GB          # the queue's own limits are 1 GiB of jobs and 328 MiB of buckets
  sync_interval: always        # a confirmed job survives a power failure
}
accounts {
  %s {
    jetstream: enabled
    users: [
`

func quoted(subjects []string) string {
	list := make([]string, len(subjects))
	for i, s := range subjects {
		list[i] = fmt.Sprintf("%q", s)
	}
	return "\n          " + strings.Join(list, "\n          ") + "\n        "
}
