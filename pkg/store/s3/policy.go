package s3

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slidemill/slidemill/pkg/store"
)

// PolicyConfig says where a policy holds and for whom.
type PolicyConfig struct {
	Bucket, Prefix string
	// User is the text that names the user of a role to the server, with ROLE where the role stands: on
	// versitygw its access key, on AWS its ARN. Empty means slidemill-ROLE.
	User string
	// Limit is the bytes of the largest bucket policy that the server takes; 0 means what most take that name users so.
	Limit int
}

const (
	maxPolicyExt4 = 3800     // versitygw on ext4: an extended attribute, with others in 4 KB
	maxPolicyAWS  = 20 << 10 // AWS and Ceph, whose users have ARNs
)

// Check refuses a configuration that would give several roles one user, and with it each the rights of all.
func (c PolicyConfig) Check() error {
	if c.User != "" && !strings.Contains(c.User, "ROLE") {
		return fmt.Errorf("user %q would have the rights of all roles: write ROLE where the role stands in the users' names, like slidemill-ROLE, or ask for one role's policy", c.User)
	}
	return nil
}

// CheckSize refuses a bucket policy that the server would not take.
func (c PolicyConfig) CheckSize(text string) error {
	limit := maxPolicyExt4
	if strings.HasPrefix(c.User, "arn:") {
		limit = maxPolicyAWS
	}
	limit = cmp.Or(c.Limit, limit)
	if len(text) <= limit {
		return nil
	}
	return fmt.Errorf("the policy has %d bytes, more than %d, which is what versitygw on ext4 takes (of users with ARNs, AWS): give bucket, prefix and users shorter names, or say with --limit what your server takes (versitygw on XFS 65536)", len(text), limit)
}

// statement is one of an S3 policy document, as far as this program writes them.
type statement struct {
	Sid       string              `json:"Sid"`
	Effect    string              `json:"Effect"`
	Principal map[string][]string `json:"Principal,omitempty"`
	Action    []string            `json:"Action"`
	Resource  []string            `json:"Resource"`
}

// actions are what S3 calls a right. Large objects are sent in parts, and given up in parts.
var actions = []struct {
	right store.Right
	name  string
	calls []string
}{
	{store.Read, "Read", []string{"s3:GetObject"}},
	{store.Write, "Write", []string{"s3:PutObject", "s3:AbortMultipartUpload"}},
	{store.Delete, "Delete", []string{"s3:DeleteObject"}},
}

// BucketPolicy is the policy of a bucket that gives each role its rights (versitygw, Ceph, AWS).
func BucketPolicy(c PolicyConfig) string { return c.policy(store.Roles(), c.users) }

// UserPolicy is the policy of one role's user (MinIO, AWS).
func UserPolicy(c PolicyConfig, role store.Role) string {
	return c.policy([]store.Role{role}, func([]store.Role) map[string][]string { return nil })
}

// RolePolicy is the part of a bucket's policy that is about one role, and names its user.
func RolePolicy(c PolicyConfig, role store.Role) string {
	return c.policy([]store.Role{role}, c.users)
}

// users name the roles as a policy does.
func (c PolicyConfig) users(roles []store.Role) map[string][]string {
	user := c.User
	if user == "" {
		user = "slidemill-ROLE"
	}
	var names []string
	for _, role := range roles {
		names = append(names, strings.ReplaceAll(user, "ROLE", string(role)))
	}
	return map[string][]string{"AWS": names}
}

// policy gives roles their rights. Who may not list gets "denied" for an object that is not there, so all may:
// keys tell nothing, but names of other things in the bucket might.
func (c PolicyConfig) policy(roles []store.Role, users func([]store.Role) map[string][]string) string {
	bucket := "arn:aws:s3:::" + c.Bucket
	lines := []statement{{Sid: "List", Effect: "Allow", Principal: users(roles), Action: []string{"s3:ListBucket"}, Resource: []string{bucket}}}
	at := map[string]int{} // statements by who and what
	for _, g := range shared(roles) {
		s := statement{Effect: "Allow", Principal: users(g.roles)}
		for _, role := range g.roles {
			s.Sid += strings.ToUpper(string(role[:1])) + string(role[1:])
		}
		for _, a := range actions {
			if g.right&a.right != 0 {
				s.Sid, s.Action = s.Sid+a.name, append(s.Action, a.calls...)
			}
		}
		i, known := at[s.Sid]
		if !known {
			i, at[s.Sid], lines = len(lines), len(lines), append(lines, s)
		}
		lines[i].Resource = append(lines[i].Resource, bucket+"/"+Config{Prefix: c.Prefix}.inBucket(g.pattern))
	}
	return text(lines)
}

// share is a right that several roles have on a pattern.
type share struct {
	pattern string
	right   store.Right
	roles   []store.Role
}

// shared lists who has which right on what, by pattern: rights of the same roles are one share.
func shared(roles []store.Role) (shares []share) {
	having := map[string]map[store.Right][]store.Role{}
	for _, role := range roles {
		for _, g := range store.Grants(role) {
			if having[g.Pattern] == nil {
				having[g.Pattern] = map[store.Right][]store.Role{}
			}
			for _, a := range actions {
				if g.Right&a.right != 0 {
					having[g.Pattern][a.right] = append(having[g.Pattern][a.right], role)
				}
			}
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(having)) {
		first := len(shares)
		for _, a := range actions {
			who := having[pattern][a.right]
			same := slices.IndexFunc(shares[first:], func(s share) bool { return slices.Equal(s.roles, who) })
			switch {
			case len(who) == 0:
			case same >= 0:
				shares[first+same].right |= a.right
			default:
				shares = append(shares, share{pattern, a.right, who})
			}
		}
	}
	return shares
}

// text is the document, a statement a line: versitygw keeps a policy in an extended attribute of the bucket's
// folder, for which ext4 has 4 KB in all.
func text(lines []statement) string {
	var b strings.Builder
	b.WriteString(`{"Version":"2012-10-17","Statement":[`)
	for i, s := range lines {
		data, err := json.Marshal(s)
		if err != nil {
			panic(err) // strings only
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n" + string(data))
	}
	return b.String() + "\n]}\n"
}

// SetPolicy gives the bucket a policy. The key must be its owner's.
func (b *Bucket) SetPolicy(ctx context.Context, text string) error {
	if err := b.core.SetBucketPolicy(ctx, b.config.Bucket, text); err != nil {
		return fmt.Errorf("policy of bucket %s: %w", b.config.Bucket, explain(ctx, err))
	}
	return nil
}
