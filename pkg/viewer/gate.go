package viewer

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Gate decides who is let in. Its zero value lets in whoever asks under a name of this machine.
type Gate struct {
	// Token opens everything but health: as a bearer, or as the password of any user. Empty asks for none.
	Token string
	// Hosts are the names beside addresses and localhost under which the server may be asked. A page
	// elsewhere whose name suddenly leads here (DNS rebinding) asks under its own.
	Hosts []string
}

// Wrap puts the gate before a handler.
func (g Gate) Wrap(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Whoever sends more than a piece of an answer renews this.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
		switch {
		case !g.knows(r.Host):
			http.Error(w, "this server is not called that: ask under its address, or start it with --host NAME", http.StatusMisdirectedRequest)
		case !g.opens(r):
			w.Header().Set("WWW-Authenticate", `Basic realm="Slidemill", charset="UTF-8"`)
			http.Error(w, "the token is missing or wrong", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knows reports whether a request's Host is an address, localhost or one of ours.
func (g Gate) knows(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return strings.EqualFold(name, "localhost") || slices.ContainsFunc(g.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

func (g Gate) opens(r *http.Request) bool {
	if g.Token == "" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		return true
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		_, given, _ = r.BasicAuth()
	}
	want, got := sha256.Sum256([]byte(g.Token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
