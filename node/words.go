package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/node/admin"
	"parley/sync/connection"
	"parley/sync/store"
)

// Two people compare words before anything passes on a connection: somebody who got hold
// of the code could stand between the two nodes otherwise.

// maxWrong is how often wrong words may be typed: people mishear, but not for ever.
const maxWrong = 5

// wordsMissing is why a connection does not work yet.
func wordsMissing(name string) error {
	return &admin.Error{
		Kind: admin.KindConflict, Message: "the words of connection " + name + " are not compared yet",
		Hint: "call the other side's admin: read what `parley connection words " + name + "` prints, and type what they read: `parley connection confirm " + name + " WORD WORD WORD WORD`",
	}
}

// Words implements admin.Service.
func (n *Node) Words(_ context.Context, name string) (admin.Words, error) {
	l := n.named(name)
	if l == nil {
		return admin.Words{}, noConnection(name)
	}
	ours, _, err := l.record.Agreement.Words()
	return admin.Words{Connection: name, Read: ours.String(), Compared: !l.record.Compare}, err
}

// Confirm implements admin.Service.
func (n *Node) Confirm(ctx context.Context, name string, r admin.ConfirmRequest) (admin.Connection, error) {
	l := n.named(name)
	if l == nil {
		return admin.Connection{}, noConnection(name)
	}
	_, theirs, err := l.record.Agreement.Words()
	if err != nil {
		return admin.Connection{}, err
	}
	typed, ok := connection.ParseWords(r.Words)
	if !ok {
		return admin.Connection{}, &admin.Error{Kind: admin.KindInvalid, Message: "these are not four words", Hint: "type the four words that the other side's admin reads to you"}
	}
	if unknown := typed.Unknown(); len(unknown) > 0 {
		return admin.Connection{}, &admin.Error{Kind: admin.KindInvalid, Message: strings.Join(unknown, ", ") + ": no word of a pairing", Hint: "ask the other side to read it again"}
	}
	if err := n.heard(l, typed == theirs); err != nil {
		return admin.Connection{}, err
	}
	l = n.named(name)
	if l != nil && l.flow == nil {
		n.bring(ctx, l)
		l = n.named(name)
	}
	return n.connectionState(l)
}

// heard keeps that the words were typed, right or wrong.
func (n *Node) heard(l *link, right bool) error {
	err := n.changeRecord(l.record.Agreement.Connection, func(rec *record) error {
		switch {
		case rec.WrongWords >= maxWrong && rec.Compare:
			return &admin.Error{Kind: admin.KindConflict, Message: fmt.Sprintf("wrong words were typed %d times", maxWrong), Hint: "`parley connection remove " + rec.Name + "`, and ask for a new code over another way"}
		case right:
			rec.Compare, rec.WrongWords = false, 0
		default:
			rec.WrongWords++
		}
		return nil
	})
	if err != nil || right {
		return err
	}
	n.log.Warn().Str("stream", "security").Str("connection", l.record.Name).Str("refusal", "words").Int("count", 1).Msg("refused")
	return &admin.Error{
		Kind: admin.KindInvalid, Message: "these are not the words of the node that this one is joined with",
		Hint: "let them be read once more; if they stay different, somebody stands between you: `parley connection remove " + l.record.Name + "`, and tell the other side",
	}
}

// accepted is what a node keeps of a code that was given to it: what it confirmed, and
// until when the code can be tried.
type accepted struct {
	Taken   connection.Taken `json:"taken"`
	Expires time.Time        `json:"expires"`
}

func (n *Node) acceptedBefore(pairing string) (*connection.Taken, error) {
	var kept accepted
	err := n.store.View(func(r store.Reader) error {
		raw, err := r.Get(store.AcceptedKey(pairing))
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &kept)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &kept.Taken, err
}

func (n *Node) keepAccepted(pairing string, kept accepted) error {
	raw, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return n.store.Update(func(tx store.Tx) error { return tx.Put(store.AcceptedKey(pairing), raw) })
}

// forgetAccepted removes what was kept of codes that have expired.
func (n *Node) forgetAccepted(now time.Time) error {
	var gone [][]byte
	err := n.store.View(func(r store.Reader) error {
		return r.Scan(store.AcceptedKey(""), nil, func(key, value []byte) (bool, error) {
			var kept accepted
			if err := json.Unmarshal(value, &kept); err != nil {
				return false, fmt.Errorf("read what was confirmed of a code: %w", err)
			}
			if now.After(kept.Expires) {
				gone = append(gone, append([]byte(nil), key...))
			}
			return true, nil
		})
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	return n.store.Update(func(tx store.Tx) error {
		for _, key := range gone {
			if err := tx.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}
