//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"parley/adapters/desk"
	"parley/sync/event"
)

// human is somebody who works at a desk and does not care what is being killed.
type human struct {
	*storm
	site   *site
	desk   *desk.Tracker
	name   string
	random *rand.Rand
	serial int
}

// pace is the mean time between two things that somebody does.
const pace = 120 * time.Millisecond

// work does one thing after the other until ctx ends.
func (h *human) work(ctx context.Context) {
	for pause(ctx, time.Duration(h.random.ExpFloat64()*float64(pace))) {
		if h.act(ctx) == nil {
			h.edits.Add(1)
		}
	}
}

// act does one thing. An error says that the desk is dead, or has died on the
// way: nobody tries again, and the desk's journal tells what became of it.
func (h *human) act(ctx context.Context) error {
	h.serial++
	what := h.random.IntN(100)
	ref, there := h.site.choose(h.random.IntN)
	// Most of what happens, happens to few tickets.
	if hot, ok := h.site.choose(func(n int) int { return h.random.IntN(min(n, 8)) }); ok && h.random.IntN(2) == 0 {
		ref = hot
	}
	switch {
	case !there || what < 4:
		return h.create(ctx)
	case what < 54:
		return h.set(ctx, ref)
	case what < 76:
		return h.say(ctx, ref, false)
	case what < 86:
		return h.say(ctx, ref, true)
	case what < 92:
		return h.correct(ctx, ref)
	default:
		return h.attach(ctx, ref)
	}
}

// unique is a text that nobody else writes.
func (h *human) unique() string { return fmt.Sprintf("%s-%d", h.name, h.serial) }

func (h *human) create(ctx context.Context) error {
	_, err := h.desk.Write(ctx, event.Step{Kind: event.StepCreate, Fields: event.Fields{
		event.FieldSummary: "Begun as " + h.unique(), event.FieldDescription: "Made by *" + h.unique() + "*\n\n- one\n- two",
		event.FieldType: h.pick("Incident", "Request", "Task"), event.FieldPriority: h.pick(priorities...),
		event.FieldLabels: []any{"torture"},
	}}, nil)
	return err
}

// statuses do not all lead to each other directly: from Resolved to In progress the
// way goes by another.
var statuses = []string{"Open", "In progress", "Waiting", "Resolved"}

var priorities = []string{"Low", "Normal", "High", "Urgent"}

func (h *human) pick(words ...string) string { return words[h.random.IntN(len(words))] }

// set changes one to three fields.
func (h *human) set(ctx context.Context, ref event.Ref) error {
	fields := event.Fields{}
	for range 1 + h.random.IntN(3) {
		switch h.random.IntN(8) {
		case 0:
			fields[event.FieldSummary] = "Called " + h.unique()
		case 1:
			fields[event.FieldDescription] = "Told by **" + h.unique() + "**"
		case 2, 3:
			fields[event.FieldStatus] = h.pick(statuses...)
		case 4:
			fields[event.FieldPriority] = h.pick(priorities...)
		case 5:
			fields[event.FieldDue] = fmt.Sprintf("2030-%02d-%02d", 1+h.random.IntN(12), 1+h.random.IntN(28))
		case 6:
			fields["fields.Severity"] = h.pick("Minor", "Major", "Critical")
		case 7:
			fields[event.FieldLabels] = []any{"torture", h.pick("red", "green", "blue"), h.pick("small", "large")}
		}
	}
	_, err := h.desk.Write(ctx, event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
	return err
}

// Words that tell public comments from internal ones wherever they turn up.
const (
	publicWord   = "public-"
	internalWord = "internal-"
)

func (h *human) say(ctx context.Context, ref event.Ref, internal bool) error {
	word := publicWord
	if internal {
		word = internalWord
	}
	_, err := h.desk.Write(ctx, event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{
		Body: "This is " + word + h.unique(), Internal: internal,
	}}, nil)
	return err
}

// correct edits a comment that a person wrote here.
func (h *human) correct(ctx context.Context, ref event.Ref) error {
	ticket, err := h.desk.Read(ctx, ref)
	if err != nil {
		return err
	}
	var own []event.Comment
	for _, c := range ticket.Comments {
		if c.Author.ID != account && !c.Internal {
			own = append(own, c)
		}
	}
	if len(own) == 0 {
		return h.say(ctx, ref, false)
	}
	c := own[h.random.IntN(len(own))]
	_, err = h.desk.Write(ctx, event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{
		ID: c.ID, Body: "Corrected: this is " + publicWord + h.unique(),
	}}, nil)
	return err
}

// attach adds a file, one in ten of some pieces.
func (h *human) attach(ctx context.Context, ref event.Ref) error {
	size := 1 + h.random.IntN(60_000)
	if h.random.IntN(10) == 0 {
		size = 500_000 + h.random.IntN(1_500_000)
	}
	content := bytes.Repeat([]byte(h.unique()+" "), 1+size/8)[:size]
	sum := sha256.Sum256(content)
	_, err := h.desk.Write(ctx, event.Step{Kind: event.StepAttach, Ref: ref, Attachment: &event.AttachmentWrite{
		Name: h.unique() + ".bin", Size: int64(size), MIME: "application/octet-stream", SHA256: hex.EncodeToString(sum[:]),
	}}, bytes.NewReader(content))
	return err
}
