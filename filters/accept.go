package filters

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/sync/event"
)

// Accept is what may enter on a connection, whatever the incoming filter says.
// The zero Accept takes fields of tickets in any project, and neither comments
// nor files.
type Accept struct {
	// Projects and Types in which tickets may be created or moved to; empty: any.
	Projects []string
	Types    []string
	// Fields that may be set, by their name in event.Fields; empty: any.
	Fields []string
	// CreatesPerHour bounds new tickets, by a Counter of the caller; 0: no bound.
	CreatesPerHour int
	// Comments and Attachments tell whether these may be written.
	Comments    bool
	Attachments bool
	// Visible says which comments are taken: VisibleAll, VisibleInternal or
	// VisibleNone. A comment that is not taken is declined, and nothing else with it.
	Visible Visible
	// Kinds of files that are taken, of FileKinds; nil: any. A file of another kind,
	// or of more than MaxAttachment bytes (0: no bound), is declined likewise.
	Kinds         []string
	MaxAttachment int64
	// Impersonate lets comments be written in the name of people of ours: of all, or of
	// those whose e-mail address or id is in Impersonated.
	Impersonate  bool
	Impersonated []string
	// Create is what the incoming filter may have made for tickets to name:
	// event.MakeVersions, event.MakeComponents.
	Create []string
	// Remove says what happens to what vanished at the peer: "" or "keep",
	// "ask", "allow".
	Remove string
}

// Visible is which comments may be written here.
type Visible int

// The zero Visible is VisibleAll.
const (
	VisibleAll      Visible = iota
	VisibleInternal         // internal ones only
	VisibleNone
)

// TakesComment tells whether a comment may be written here.
func (a Accept) TakesComment(internal bool) bool {
	return a.Visible == VisibleAll || a.Visible == VisibleInternal && internal
}

// MayWriteAs tells whether a comment may be written in somebody's name.
func (a Accept) MayWriteAs(u event.User) bool {
	named := func(one string) bool { return one == u.ID || u.Email != "" && strings.EqualFold(one, u.Email) }
	return a.Impersonate && u.ID != "" && (len(a.Impersonated) == 0 || slices.ContainsFunc(a.Impersonated, named))
}

// MayTake tells whether a file of this size may be taken, as far as that can be told
// before it is here.
func (a Accept) MayTake(size int64) bool {
	return (a.Kinds == nil || len(a.Kinds) > 0) && (a.MaxAttachment <= 0 || size <= a.MaxAttachment)
}

// TakesFile tells by how a file begins whether it may be written here: its name and its
// MIME type may say anything. r gives its first KindBytes bytes, or all of it.
func (a Accept) TakesFile(r io.Reader) (kind string, takes bool, err error) {
	if a.Kinds == nil {
		return "", true, nil
	}
	kind, err = FileKind(r)
	return kind, err == nil && slices.Contains(a.Kinds, kind), err
}

// Check tells what of result may not be written; nothing of it should be then.
// create is set when it makes a ticket.
func (a Accept) Check(result InResult, create bool) []Finding {
	var findings []Finding
	for name, v := range result.Fields {
		if !a.allows(name) {
			findings = append(findings, Finding{Code: FindingField, Field: name, Sample: sample(v)})
		}
	}
	fields := len(findings)
	for name, change := range result.Sets {
		if !a.allows(name) {
			findings = append(findings, Finding{Code: FindingField, Field: name, Sample: fmt.Sprintf("%d entries", len(change.Add)+len(change.Remove))})
		}
	}
	byField(findings[:fields])
	byField(findings[fields:])
	findings = append(findings, a.place(FindingProject, event.FieldProject, a.Projects, result, create)...)
	findings = append(findings, a.place(FindingType, event.FieldType, a.Types, result, create)...)
	if result.CommentsSet && len(result.Comments) > 0 && !a.Comments {
		findings = append(findings, Finding{Code: FindingComments, Sample: fmt.Sprintf("%d comments", len(result.Comments))})
	}
	for _, m := range result.Make {
		if !slices.Contains(a.Create, m.Kind) {
			findings = append(findings, Finding{Code: FindingField, Field: m.Kind, Sample: sample(m.Name)})
		}
	}
	return append(findings, a.files(result)...)
}

func (a Accept) allows(field string) bool {
	return len(a.Fields) == 0 || slices.Contains(a.Fields, field) || field == event.FieldProject || field == event.FieldType
}

// place checks project and type: on create they must be in the list, later they
// must not be moved out of it.
func (a Accept) place(code FindingCode, field string, allowed []string, result InResult, create bool) []Finding {
	v, set := result.Fields[field]
	if len(allowed) == 0 || !set && !create {
		return nil
	}
	if name, _ := v.(string); slices.Contains(allowed, name) {
		return nil
	}
	return []Finding{{Code: code, Field: field, Sample: sample(v)}}
}

func (a Accept) files(result InResult) []Finding {
	if !result.AttachmentsSet || len(result.Attachments) == 0 {
		return nil
	}
	if !a.Attachments {
		return []Finding{{Code: FindingAttachments, Sample: fmt.Sprintf("%d files", len(result.Attachments))}}
	}
	return nil
}

// Counter counts what happened within the last hour. The zero Counter is ready.
// It is safe for concurrent use.
type Counter struct {
	mu    sync.Mutex
	times []time.Time // guarded by mu; oldest first
}

// Allow counts one at now and returns true, unless limit were passed; a limit
// of 0 or less is none.
func (c *Counter) Allow(now time.Time, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit <= 0 {
		return true
	}
	c.drop(now)
	if len(c.times) >= limit {
		return false
	}
	c.times = append(c.times, now)
	return true
}

// Count is how many were counted within the hour before now.
func (c *Counter) Count(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(now)
	return len(c.times)
}

// Next is when one more will be allowed under limit.
func (c *Counter) Next(now time.Time, limit int) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(now)
	if limit <= 0 || len(c.times) < limit {
		return now
	}
	return c.times[len(c.times)-limit].Add(time.Hour)
}

func (c *Counter) drop(now time.Time) {
	old := 0
	for old < len(c.times) && now.Sub(c.times[old]) >= time.Hour {
		old++
	}
	c.times = slices.Delete(c.times, 0, old)
}
