package admin

import (
	"context"
	"net/http"

	"parley/sync/event"
)

// RecordRequest asks for test cases made of a ticket.
type RecordRequest struct {
	Connection string `json:"connection"`
	Key        string `json:"key"`
	// Blank leaves of every text its form only.
	Blank bool `json:"blank,omitempty"`
}

// RecordResult is cases without what they expect, and nothing personal in them.
type RecordResult struct {
	Key        string `json:"key"`
	Connection string `json:"connection"`
	// Cases is the text of a test file.
	Cases string `json:"cases"`
	// Schema is the tracker's, which the cases were made with.
	Schema event.Schema `json:"schema"`
}

func routeFilters(api routes, s Service) {
	route(api, http.MethodPost, "/v1/filters/record", "record", "Test cases of a ticket, masked",
		func(ctx context.Context, in *body[RecordRequest]) (RecordResult, error) {
			return s.Record(ctx, in.Body)
		})
}

// TryField is a field as it is and as it would be.
type TryField struct {
	Name string `json:"name"`
	// Now is what stands there; of what was sent it is known only where the node keeps it.
	Now any `json:"now"`
	To  any `json:"to"`
}

// TryComment is a comment that would be added, or changed.
type TryComment struct {
	Author   string `json:"author,omitempty"`
	Body     string `json:"body"`
	Internal bool   `json:"internal,omitempty"`
	Edits    bool   `json:"edits,omitempty"`
}

// TryFile is a file that would be added.
type TryFile struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	MIME     string `json:"mime,omitempty"`
	Internal bool   `json:"internal,omitempty"`
	// SHA256 of the bytes, in hex, where it is known.
	SHA256 string `json:"sha256,omitempty"`
	// Withdrawn is of a file that is asked back: nothing of it leaves.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// TryLeaving is what the next look at the ticket would send.
type TryLeaving struct {
	// Why nothing would; "" if something does.
	Why      string       `json:"why,omitempty"`
	First    bool         `json:"first,omitempty"`
	Fields   []TryField   `json:"fields,omitempty"`
	Comments []TryComment `json:"comments,omitempty"`
	Files    []TryFile    `json:"files,omitempty"`
	// Restore are our fields that would be put back first, as the peer owns them.
	Restore []TryField `json:"restore,omitempty"`
}

// TryWrite is one write to our tracker.
type TryWrite struct {
	// Kind is create, update, comment, attach or remove.
	Kind    string      `json:"kind"`
	Fields  []TryField  `json:"fields,omitempty"`
	Comment *TryComment `json:"comment,omitempty"`
	File    *TryFile    `json:"file,omitempty"`
	// Removes is the comment or file that is deleted, as the tracker calls it.
	Removes string `json:"removes,omitempty"`
	// Makes are made first, where the tracker does not have them.
	Makes []TryMake `json:"makes,omitempty"`
}

// TryMake is a version or a component that is made.
type TryMake struct {
	Kind string `json:"kind"` // versions or components
	Name string `json:"name"`
}

// TryEntering is what an event of the peer would write here.
type TryEntering struct {
	// Waits tells that such an event is here and waits; else it is what the peer said
	// last, as if it said all of it again.
	Waits bool `json:"waits"`
	// Why nothing would be written at present.
	Why    string     `json:"why,omitempty"`
	Writes []TryWrite `json:"writes,omitempty"`
	// Kept are fields in which ours stands against theirs, Disputed those of them that
	// a person decides.
	Kept     []string `json:"kept,omitempty"`
	Disputed []string `json:"disputed,omitempty"`
	// Via are the statuses that are gone through to the one that is written.
	Via      []string  `json:"via,omitempty"`
	Declined int       `json:"declined,omitempty"`
	Lines    []TryLine `json:"lines,omitempty"`
}
