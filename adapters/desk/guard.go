package desk

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

func (s *Server) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	s.apiRoutes(mux)
	if err := s.pageRoutes(mux); err != nil {
		return nil, fmt.Errorf("prepare the page: %w", err)
	}
	return s.guard(mux), nil
}

// guard keeps other people's web pages out. A name that somebody pointed at
// 127.0.0.1 (DNS rebinding) is not a loopback name, and a write that a browser
// sends for another origin is refused.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.mayBeCalled(r.Host) {
			http.Error(w, "this desk does not go by that name", http.StatusMisdirectedRequest)
			return
		}
		if err := origin.Check(r); err != nil {
			http.Error(w, "another page must not write here", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) mayBeCalled(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || slices.Contains(s.options.Hosts, host) {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
