package rest

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"parley/adapters"
)

func TestDial_WhatATrackerPointsToInsideIsNotVisited(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	base := &url.URL{Scheme: "https", Host: "tracker.example"}
	for _, host := range []string{
		"127.0.0.1", "localhost", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.169.254", "fe80::1",
		"fd00:ec2::254", "100.100.100.200", "192.0.0.192", "64:ff9b::7f00:1", "224.0.0.1",
	} {
		d := newDialer(Options{Base: base, Timeout: time.Second})
		c, err := d.dial(t.Context(), "tcp", net.JoinHostPort(host, port))
		if !errors.Is(err, errInside) {
			t.Errorf("%s: got %v, want it refused", host, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
	// A tracker on this machine may have its files there too, and nothing on the link.
	d := newDialer(Options{Base: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Timeout: time.Second})
	c, err := d.dial(t.Context(), "tcp", "localhost:"+port)
	if err != nil {
		t.Fatalf("beside a tracker of this machine: %v", err)
	}
	_ = c.Close()
	if _, err := d.dial(t.Context(), "tcp", "169.254.169.254:80"); !errors.Is(err, errInside) {
		t.Errorf("a cloud's metadata beside a tracker of this machine: %v", err)
	}
	for text, want := range map[string]reach{"10.0.0.1": outside, "192.168.1.1": outside, "2001:db8::1": outside, "8.8.8.8": outside, "64:ff9b::808:808": outside} {
		if got := reachOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %d", text, got)
		}
	}
}

func TestStream_AFileAtACloudsMetadataIsNoFile(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	}))
	t.Cleanup(s.Close)
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Base: base, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	_, err = c.Stream(t.Context(), Request{Op: "open file", Path: "file"})
	if !errors.Is(err, adapters.ErrConfiguration) || !errors.Is(err, errInside) {
		t.Errorf("got %v", err)
	}
}

func TestStream_AFileOfAnHTTPSTrackerComesByHTTPS(t *testing.T) {
	t.Parallel()
	f := &flight{c: &Client{opt: Options{Base: &url.URL{Scheme: "https", Host: "tracker.example"}}, origin: "https://tracker.example:443"}, r: &Request{Op: "open file"}, stream: true}
	if err := f.mayVisit(&url.URL{Scheme: "http", Host: "files.example"}); !errors.Is(err, adapters.ErrConfiguration) {
		t.Errorf("got %v", err)
	}
	if err := f.mayVisit(&url.URL{Scheme: "https", Host: "files.example"}); err != nil {
		t.Error(err)
	}
}
