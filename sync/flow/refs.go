package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// A parent and links name other tickets. On the wire they are named by their
// twins, and only once the peer has those: what comes earlier it could not follow.
// A ticket that had to be left out is awaited, and who named it looked at again
// when the peer has it.

// wireFields puts the twins of tickets in place of our tracker's ids. A ticket that
// the peer does not have is not named; unnamed are the ids of these.
func (p *Path) wireFields(con *Connection, fields event.Fields) (out event.Fields, unnamed []string, err error) {
	parent, links := fields[event.FieldParent], fields[event.FieldLinks]
	if parent == nil && links == nil {
		return fields, nil, nil
	}
	out = maps.Clone(fields)
	err = p.Store.View(func(r store.Reader) error {
		if id, isRef := refID(parent); isRef {
			theirs, err := namedAs(r, con.ID, id)
			if err != nil {
				return err
			}
			if out[event.FieldParent] = map[string]any{"id": theirs}; theirs == "" {
				delete(out, event.FieldParent)
				unnamed = append(unnamed, id)
			}
		}
		if links == nil {
			return nil
		}
		var named []event.Link
		for _, l := range event.LinksOf(links) {
			theirs, err := namedAs(r, con.ID, l.ID)
			switch {
			case err != nil:
				return err
			case theirs == "":
				unnamed = append(unnamed, l.ID)
			default:
				named = append(named, event.Link{Type: l.Type, ID: theirs})
			}
		}
		if out[event.FieldLinks] = []any{}; len(named) > 0 {
			out[event.FieldLinks] = event.LinksValue(named)
		}
		return nil
	})
	if err != nil {
		return nil, nil, storeError{err}
	}
	return out, unnamed, nil
}

func refID(value any) (id string, isRef bool) {
	ref, _ := value.(map[string]any)
	id, _ = ref["id"].(string)
	return id, value != nil
}

// namedAs is what one of our tickets is called on the wire; "" if the peer has no
// twin of it.
func namedAs(r store.Reader, con event.ConnectionID, local string) (string, error) {
	id, row, err := twinOfLocal(r, con, local)
	if err != nil || row == nil || !row.AtPeer() {
		return "", err
	}
	return id.String(), nil
}

func twinOfLocal(r store.Reader, con event.ConnectionID, local string) (id event.TwinID, row *twin.Row, err error) {
	if local == "" || strings.ContainsAny(local, "@\x00") {
		return id, nil, nil
	}
	found := false
	// Which creation time belongs to the id, the key itself tells.
	prefix := append(store.Prefix('r', con), local+"@"...)
	err = r.Scan(prefix, nil, func(_, value []byte) (bool, error) {
		if len(value) == len(id) {
			id, found = event.TwinID(value), true
		}
		return true, nil
	})
	if err != nil || !found {
		return id, nil, err
	}
	row, err = get[twin.Row](r, store.TwinKey(con, id))
	return id, row, err
}

// await notes that a ticket names others that the peer does not have, with the end of
// the look that found it. It reports whether the peer has got one of them meanwhile:
// then the ticket is to be looked at again.
func (p *Path) awaitNamed(tx store.Tx, o *outgoing) error {
	for _, local := range o.unnamed {
		theirs, err := namedAs(tx, o.con.ID, local)
		if err != nil {
			return err
		}
		if theirs != "" {
			o.lookAgain = true
			return p.workNext(tx, o.con.ID, o.known.ref, work.Seen{Key: o.ticket.Key, Cause: event.CauseEdit})
		}
		key := store.AwaitedKey(o.con.ID, local, o.known.ref)
		if _, err = tx.Get(key); errors.Is(err, store.ErrNotFound) {
			err = tx.Put(key, []byte(o.ticket.Key))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// arrivedPage is how many tickets one transaction lets be looked at again: a ticket may
// be named by thousands, and what took its outcome in must not fail by that.
const arrivedPage = 200

// arrived lets the tickets be looked at again that name one which the peer has got. If
// it returns a full page there may be more: see wakeNamed.
func (p *Path) arrived(tx store.Tx, con *Connection, ref event.Ref) ([]event.Ref, error) {
	prefix := store.AwaitedPrefix(con.ID, ref.ID)
	type awaiting struct{ key, called []byte }
	var all []awaiting
	err := tx.Scan(prefix, nil, func(key, value []byte) (bool, error) {
		all = append(all, awaiting{bytes.Clone(key), bytes.Clone(value)})
		return len(all) < arrivedPage, nil
	})
	if err != nil {
		return nil, err
	}
	refs := make([]event.Ref, 0, len(all))
	for _, a := range all {
		who, err := event.ParseRef(string(a.key[len(prefix):]))
		if err != nil {
			return nil, fmt.Errorf("read who names ticket %s: %w", ref, err)
		}
		if err := tx.Delete(a.key); err != nil {
			return nil, err
		}
		if err := p.workNext(tx, con.ID, who, work.Seen{Key: string(a.called), Cause: event.CauseEdit}); err != nil {
			return nil, err
		}
		refs = append(refs, who)
	}
	return refs, nil
}

// wakeNamed wakes those that name a ticket, and goes on with the rest of them.
func (p *Path) wakeNamed(con *Connection, named event.Ref, refs []event.Ref) {
	for more := true; more; {
		for _, ref := range refs {
			p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: ref}, When{})
		}
		if more = len(refs) == arrivedPage; !more {
			return
		}
		err := p.Store.Finish(func(tx store.Tx) (err error) {
			refs, err = p.arrived(tx, con, named)
			return err
		})
		if err != nil {
			// They are still on record, and the next start looks for them.
			p.Log.Error().Err(err).Str("connection", con.Name).Msg("not all who name a ticket are looked at again")
			return
		}
	}
}

// rouseNamed goes on with tickets that name what the peer has got, where a process ended
// in the midst of them.
func (p *Path) rouseNamed(con *Connection) error {
	prefix := store.Prefix('R', con.ID)
	for after, more := []byte(nil), true; more; {
		var here []event.Ref
		err := p.Store.View(func(r store.Reader) error {
			n, last := 0, ""
			more = false
			return r.Keys(prefix, after, func(key []byte) (bool, error) {
				after = bytes.Clone(key)
				id, _, _ := strings.Cut(string(key[len(prefix):]), "\x00")
				if id != last {
					_, row, err := twinOfLocal(r, con.ID, id)
					if err != nil {
						return false, err
					}
					if last = id; row != nil && row.AtPeer() {
						here = append(here, row.Ref)
					}
				}
				n++
				more = n == rousePage
				return !more, nil
			})
		})
		if err != nil {
			return fmt.Errorf("look who awaits a ticket on %s: %w", con.Name, err)
		}
		for _, ref := range here {
			var refs []event.Ref
			err := p.Store.Finish(func(tx store.Tx) (err error) {
				refs, err = p.arrived(tx, con, ref)
				return err
			})
			if err != nil {
				return fmt.Errorf("let who names ticket %s be looked at: %w", ref, err)
			}
			p.wakeNamed(con, ref, refs)
		}
	}
	return nil
}

// TwinOf finds our ticket for one that the peer named, also if the pair has ended.
func (l lookups) TwinOf(_ context.Context, theirs string) (*event.Ref, error) {
	id, err := event.ParseID(theirs)
	if err != nil {
		return nil, nil //nolint:nilerr // what is no id names no ticket: that is an answer
	}
	var ref *event.Ref
	err = l.p.Store.View(func(r store.Reader) error {
		row, err := get[twin.Row](r, store.TwinKey(l.con.ID, event.TwinID(id)))
		if row != nil && row.State != twin.Gone && !row.Ref.IsZero() {
			ref = &row.Ref
		}
		return err
	})
	return ref, err
}
