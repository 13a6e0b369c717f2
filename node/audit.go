package node

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"time"

	"parley/node/admin"
	"parley/node/audit"
	"parley/node/config"
)

// theNode is who does what no person asked for.
const theNode = "node"

// openAudit opens the record of what people do. Each head stands in the node's log too:
// where that is kept elsewhere, a record that is rewritten is found out.
func (n *Node) openAudit() (err error) {
	if to := n.config.Audit.Syslog; to != "" {
		if n.syslog, err = audit.NewSyslog(to, n.log); err != nil {
			return err
		}
	}
	n.audit = audit.New(audit.Options{
		Store: n.store, Now: time.Now, Key: n.identity.operating.Sign(),
		Told: func(r audit.Record, h audit.Head) {
			n.log.Info().Str("action", r.Action).Str("outcome", r.Outcome).Stringer("head", h).Msg("on record")
			if n.syslog != nil {
				n.syslog.Tell(r, h)
			}
		},
	})
	return nil
}

// begun puts the start of the node on record, with what it runs by.
func (n *Node) begun() error {
	n.mu.Lock()
	runsBy := n.fingerprint
	n.mu.Unlock()
	_, err := n.OnRecord(audit.Record{
		Who: whoRuns(), From: theNode, Action: "start", Outcome: audit.Done,
		Said: map[string]string{"program": n.options.Version, "configuration": runsBy},
	})
	return err
}

// fingerprint names the content of a configuration's file; "" if it comes from none.
func fingerprint(cfg *config.Config) string {
	raw, err := cfg.Raw()
	if err != nil || cfg.File() == "" {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// OnRecord puts something on record; it is on the disk then.
func (n *Node) OnRecord(r audit.Record) (audit.Record, error) {
	kept, err := n.audit.Append(r)
	if err != nil {
		n.log.Error().Err(err).Str("action", r.Action).Msg("nothing is put on record")
	}
	return kept, err
}

// Audit implements admin.Service.
func (n *Node) Audit(_ context.Context, q admin.AuditQuery) (admin.AuditPage, error) {
	page := admin.AuditPage{Records: []audit.Record{}}
	var err error
	// The head first: what comes in between is on a later page.
	if page.Head, err = n.audit.Head(); err != nil {
		return page, err
	}
	records, through, err := n.audit.Read(audit.Query(q))
	page.Records, page.Through = append(page.Records, records...), through
	return page, err
}

// AuditHead implements admin.Service.
func (n *Node) AuditHead(context.Context) (admin.AuditHead, error) {
	h, err := n.audit.Head()
	public, _ := n.identity.operating.Sign().Public().(ed25519.PublicKey)
	return admin.AuditHead{Head: h, Key: hex.EncodeToString(public)}, err
}

// PruneAudit implements admin.Service.
func (n *Node) PruneAudit(ctx context.Context, r admin.AuditPruneRequest) (int, error) {
	if strings.TrimSpace(r.Reason) == "" {
		return 0, &admin.Error{Kind: admin.KindInvalid, Message: "no reason given", Hint: "say with --reason why the records go"}
	}
	if r.Before.IsZero() || r.Before.After(time.Now()) {
		return 0, &admin.Error{Kind: admin.KindInvalid, Message: "the time that records must be older than is not in the past", Hint: "as in --before 2026-01-31"}
	}
	return n.audit.Prune(r.Before, audit.Record{
		Who: admin.Asker(ctx).String(), From: admin.Asker(ctx).From, Said: map[string]string{"before": r.Before.UTC().Format(time.RFC3339), "reason": r.Reason},
	})
}

// May implements admin.Guard: the node's own user and root may everything, others what
// the configuration gives them.
func (n *Node) May(p admin.Person, operation, connection string) error {
	if !p.Known || p.UID == 0 || p.UID == os.Getuid() {
		return nil
	}
	people := n.configured().Access.People
	given, ok := people[p.Name]
	if !ok || p.Name == "" {
		given = people["uid:"+strconv.Itoa(p.UID)]
	}
	return given.May(operation, connection)
}
