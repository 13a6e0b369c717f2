package admin

import "time"

// VerifyRequest asks for a comparison with the peer.
type VerifyRequest struct {
	// Heal sends what differs whole again: what we said, and the peer what it said.
	Heal bool `json:"heal,omitempty"`
	// Deep reads every ticket in step from our tracker as well, soon and slowly.
	Deep bool `json:"deep,omitempty"`
}

// Verification is how the two sides of a connection compare: what each last said and
// had confirmed, with what the other last received.
type Verification struct {
	At    time.Time `json:"at"`
	Twins int       `json:"twins"`
	// Differ are twins that are not alike and stand still, Moving such of which
	// something is under way. Both are cut; More counts what was left out.
	Differ []Unlike `json:"differ,omitempty"`
	Moving []Unlike `json:"moving,omitempty"`
	More   int      `json:"more,omitempty"`
	// HealedHere and HealedThere are how many twins are sent whole by either side.
	HealedHere  int `json:"healedHere,omitempty"`
	HealedThere int `json:"healedThere,omitempty"`
	// Sweep tells that our tracker's tickets are being read.
	Sweep bool `json:"sweep,omitempty"`
}

// Unlike is a twin that the two sides do not have alike on record.
type Unlike struct {
	Twin string `json:"twin"`
	// Key is our ticket's, if there is one.
	Key  string       `json:"key,omitempty"`
	What []Difference `json:"what"`
	// Here and There are what is under way at either side.
	Here  []string `json:"here,omitempty"`
	There []string `json:"there,omitempty"`
}

// Difference is one thing that differs.
type Difference struct {
	// Direction is outgoing (what we said) or incoming (what the peer said).
	Direction string `json:"direction"`
	// Kind is field, comment, file or unreadable; Name is a field's name on the wire,
	// a file's name, or an item's id.
	Kind string `json:"kind"`
	Name string `json:"name,omitempty"`
	// What is missing (not with the receiver), unsaid (not on record with the
	// sender), other or broken.
	What string `json:"what"`
}
