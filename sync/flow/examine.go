package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/work"
)

// gateRow is what the egress gate found in a ticket on its way out, and what a
// person let leave all the same.
type gateRow struct {
	Findings  []filters.Finding `json:"findings,omitempty"`
	Approvals []Approval        `json:"approvals,omitempty"`
}

// Approval is a person's leave for content that the gate held back.
type Approval struct {
	// Digest is of all that was asked, Contents are of each finding.
	Digest   string    `json:"digest"`
	Contents []string  `json:"contents"`
	At       time.Time `json:"at"`
	// By is who, as the node was told; Found what was let leave, without the content.
	By    string   `json:"by,omitempty"`
	Found []string `json:"found,omitempty"`
}

// maxApprovals bounds what is remembered of one ticket; the oldest are asked again.
const maxApprovals = 64

// approved tells whether a finding's content was let leave.
func (g *gateRow) approved(f filters.Finding) bool {
	return g != nil && f.Digest != "" && !f.Blocked && slices.ContainsFunc(g.Approvals, func(a Approval) bool {
		return slices.Contains(a.Contents, f.Digest)
	})
}

// examine holds what a change says, and the files that it names, to the egress
// gate's detectors. It looks at what is to leave and nothing else, whatever made it.
func (p *Path) examine(ctx context.Context, o *outgoing) error {
	findings := o.rules.Egress.Scan(&o.change)
	for i := range o.change.Items {
		item := &o.change.Items[i]
		if item.Kind != event.ItemAttachment || item.Withdrawn || o.trial {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := p.examineFile(o, *item)
		if err != nil {
			return err
		}
		findings = append(findings, found...)
	}
	if findings = append(findings, o.tried...); len(findings) == 0 {
		return nil
	}
	return p.ask(o, findings)
}

func (p *Path) examineFile(o *outgoing, item event.Item) (found []filters.Finding, err error) {
	r, err := p.Blobs.Open(item.SHA256)
	if err != nil {
		return nil, storeError{fmt.Errorf("open file %s for the gate: %w", item.ID, err)}
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return o.rules.Egress.ScanFile(item, r)
}

// ask holds a ticket until a person has let leave what was found, of which
// nothing may be missing.
func (p *Path) ask(o *outgoing, findings []filters.Finding) error {
	key := store.GateKey(o.con.ID, o.known.ref)
	if o.trial {
		err := p.Store.View(func(r store.Reader) error {
			row, err := get[gateRow](r, key)
			findings = slices.DeleteFunc(findings, row.approved)
			return err
		})
		if o.found = findings; err != nil || len(findings) == 0 {
			return err
		}
		return &holdError{code: event.CodeByGate, reason: "egress gate: " + listed(findings), parked: true}
	}
	err := p.Store.Finish(func(tx store.Tx) error {
		row, err := get[gateRow](tx, key)
		if err != nil {
			return err
		}
		findings = slices.DeleteFunc(findings, row.approved)
		if len(findings) == 0 {
			return nil
		}
		if row == nil {
			row = &gateRow{}
		}
		row.Findings = findings
		return put(tx, key, row)
	})
	if err != nil {
		return storeError{fmt.Errorf("keep what the gate found in %s: %w", o.ticket.Key, err)}
	}
	if len(findings) == 0 {
		return nil
	}
	return &holdError{code: event.CodeByGate, reason: "egress gate: " + listed(findings), parked: true}
}

// listed says the first findings in a line.
func listed(findings []filters.Finding) string {
	const most = 5
	var all []string
	for i, f := range findings {
		if i == most {
			all = append(all, fmt.Sprintf("and %d more", len(findings)-most))
			break
		}
		all = append(all, f.String())
	}
	return strings.Join(all, "; ")
}

// Held is what the egress gate holds back of a ticket, and what a person let
// leave of it before.
type Held struct {
	Findings  []filters.Finding
	Approvals []Approval
	// Digest is what an approval of the findings must name; "" if none can.
	Digest string
}

// Held reads what the gate found when a ticket was looked at last.
func (p *Path) Held(con *Connection, ref event.Ref) (Held, error) {
	var h Held
	err := p.Store.View(func(r store.Reader) error {
		row, err := get[gateRow](r, store.GateKey(con.ID, ref))
		if err != nil || row == nil {
			return err
		}
		h.Approvals = row.Approvals
		w, err := get[work.Row](r, store.WorkKey(con.ID, ref))
		if err == nil && w != nil && w.State == work.Held && w.Code == event.CodeByGate {
			h.Findings = row.Findings
		}
		return err
	})
	if err != nil {
		return h, fmt.Errorf("read what the gate holds of %s: %w", ref, err)
	}
	if filters.Approvable(h.Findings) {
		h.Digest = filters.ApprovalDigest(h.Findings)
	}
	return h, nil
}

// The ways in which an approval is refused.
var (
	// ErrOtherContent: what waits is not what the digest was made of.
	ErrOtherContent = errors.New("what waits is not, or no longer, what this digest is of")
	// ErrBlocked: the gate lets no person approve it.
	ErrBlocked = errors.New("the gate lets nobody approve this: change the ticket, or the gate")
)

// ApproveContent lets leave what the egress gate found in a ticket, if it is what
// digest says. The approval is bound to that content: another text is asked again. by is
// who said so.
func (p *Path) ApproveContent(con *Connection, ref event.Ref, digest, by string) error {
	held, err := p.Held(con, ref)
	switch {
	case err != nil:
		return err
	case len(held.Findings) == 0:
		return fmt.Errorf("ticket %s is not held by the gate: %w", ref, ErrNone)
	case held.Digest == "":
		return ErrBlocked
	case digest != held.Digest:
		return ErrOtherContent
	}
	approval := Approval{Digest: digest, At: p.Now().UTC(), By: by}
	for _, f := range held.Findings {
		approval.Contents = append(approval.Contents, f.Digest)
		approval.Found = append(approval.Found, f.String())
	}
	key := ""
	err = p.Store.Update(func(tx store.Tx) error {
		row, err := get[gateRow](tx, store.GateKey(con.ID, ref))
		if err != nil || row == nil {
			return errors.Join(err, ErrNone)
		}
		if filters.ApprovalDigest(row.Findings) != digest {
			return ErrOtherContent
		}
		if w, err := get[work.Row](tx, store.WorkKey(con.ID, ref)); err == nil && w != nil {
			key = w.Key
		}
		row.Approvals = append(row.Approvals, approval)
		row.Approvals = row.Approvals[max(0, len(row.Approvals)-maxApprovals):]
		row.Findings = nil
		return put(tx, store.GateKey(con.ID, ref), row)
	})
	if err != nil {
		return fmt.Errorf("approve what leaves of %s: %w", ref, err)
	}
	p.Observe(Observation{What: "approved", Connection: con.Name, Key: key, Code: event.CodeByGate, Detail: "content " + digest, At: p.Now()})
	return p.RetryWork(con, ref)
}

// tryFile reads a file of the tracker as it would leave: its digest and size, and what
// the gate would find in it. Nothing is stored.
func (p *Path) tryFile(ctx context.Context, o *outgoing, item event.Item, a filters.Attachment) (_ event.Item, err error) {
	files, ok := p.Tracker.(adapters.Files)
	if !ok {
		return item, errNoFiles()
	}
	body, err := files.Open(ctx, o.known.ref, a.ID)
	if err != nil {
		return item, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	sum := sha256.New()
	all := io.TeeReader(io.LimitReader(filters.StripPicture(body), p.MaxAttachment), sum)
	head, err := io.ReadAll(io.LimitReader(all, filters.MaxScanFile+1))
	if err != nil {
		return item, fmt.Errorf("read file %s for the gate: %w", item.ID, err)
	}
	rest, err := io.Copy(io.Discard, all)
	if err != nil {
		return item, fmt.Errorf("read file %s for the gate: %w", item.ID, err)
	}
	item.Size, item.SHA256 = int64(len(head))+rest, hex.EncodeToString(sum.Sum(nil))
	found, err := o.rules.Egress.ScanFile(item, bytes.NewReader(head))
	o.tried = append(o.tried, found...)
	return item, err
}
