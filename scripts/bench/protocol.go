//go:build linux

package main

import "time"

// setup is the first line that a node gets. Keys are seeds of 32 bytes, A's first.
type setup struct {
	Side       string    `json:"side"`
	Dir        string    `json:"dir"`
	Profiles   string    `json:"profiles"` // a directory for CPU profiles, or ""
	Workers    int       `json:"workers"`
	Tickets    int       `json:"tickets"`
	Events     int       `json:"events"`
	Connection []byte    `json:"connection"`
	Sign       [2][]byte `json:"sign"`
	Seal       [2][]byte `json:"seal"`
	TLS        []byte    `json:"tls"`  // A's server
	NATS       []byte    `json:"nats"` // B's key at it
	Address    string    `json:"address,omitempty"`

	// What follows is for growth.go; the zero values are a plain bench.
	//
	// Shelf keeps tickets in a file instead of memory, Life tells two processes
	// over one store apart, Connections is how many there are between A and B
	// (default 1), Seeded how many tickets have a twin already.
	Shelf       bool `json:"shelf,omitempty"`
	Silent      bool `json:"silent,omitempty"` // people write no comments
	Life        int  `json:"life,omitempty"`
	Connections int  `json:"connections,omitempty"`
	Seeded      int  `json:"seeded,omitempty"`
	// Seed makes a process write the rows of so many twins, and end.
	Seed int `json:"seed,omitempty"`
}

// What a node can be told.
const (
	doBegin = "begin" // a phase begins: counters and profile
	doEnd   = "end"   // it ends: the usage since
	doBurst = "burst" // A: hand in events First to Last as fast as they settle
	doPaced = "paced" // A: hand them in one every Every
	doCheck = "check" // B: what the map holds
	doStop  = "stop"

	doWindow = "window" // A: hand in events First to Last, at most Most under way
	doAway   = "away"   // A: hand in events First to Last, without waiting for outcomes
	doSeen   = "seen"   // what the path observed so far
	doLeft   = "left"   // how much of the path is not done
	doSums   = "sums"   // what the tracker holds, in one number
	doIdle   = "idle"   // rest for Every
)

// command is what a node is told.
type command struct {
	Do    string        `json:"do"`
	Phase string        `json:"phase,omitempty"`
	First int           `json:"first,omitempty"`
	Last  int           `json:"last,omitempty"`
	Every time.Duration `json:"every,omitempty"`
	Most  int           `json:"most,omitempty"`
}

// answer is what it says to that.
type answer struct {
	Error   string        `json:"error,omitempty"`
	Address string        `json:"address,omitempty"`
	Usage   usage         `json:"usage"`
	Took    time.Duration `json:"took,omitempty"`
	// Handed and Settled are times of the events asked about, Applied of all,
	// in nanoseconds since 1970.
	Handed  []int64 `json:"handed,omitempty"`
	Settled []int64 `json:"settled,omitempty"`
	Applied []int64 `json:"applied,omitempty"`
	Wrong   wrong   `json:"wrong"`
	// Left counts rows of work and events without an outcome; Sum is of the
	// tracker; Opened is how long a process took to be ready.
	Left   int           `json:"left,omitempty"`
	Sum    uint64        `json:"sum,omitempty"`
	Opened time.Duration `json:"opened,omitempty"`
	// Seen counts what the node's path observed.
	Seen map[string]int `json:"seen,omitempty"`
}

// wrong is what should all be 0.
type wrong struct {
	Lost       int    `json:"lost"`
	Repeated   int    `json:"repeated"`
	OutOfOrder int    `json:"outOfOrder"`
	Different  int    `json:"different"`
	Example    string `json:"example,omitempty"`
}

func (w wrong) none() bool { return w == wrong{} }
