package filters

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/sync/event"
)

// Action is what the egress gate does with what a detector finds.
type Action string

// The actions.
const (
	// ActionPass lets it leave.
	ActionPass Action = "pass"
	// ActionMask replaces it by the name of the detector; where that cannot be
	// done, in a file or an encoded text, it is asked.
	ActionMask Action = "mask"
	// ActionAsk holds the ticket until a person lets this content leave.
	ActionAsk Action = "ask"
	// ActionBlock holds the ticket as long as it is there.
	ActionBlock Action = "block"
)

// Actions are the words for them.
func Actions() []string {
	return []string{string(ActionPass), string(ActionMask), string(ActionAsk), string(ActionBlock)}
}

// DefaultAction is what is done about what a detector finds where nothing else is
// said: people and addresses of people are what tickets are about.
func DefaultAction(name string) Action {
	switch name {
	case "secret", "card", "iban", "host":
		return ActionAsk
	}
	return ActionPass
}

func (e Egress) action(name string) Action {
	if a := e.Detect[name]; a != "" {
		return a
	}
	return DefaultAction(name)
}

// maxScan bounds a text that is searched: a replica is smaller than that.
const maxScan = 1 << 20

// Scan tells what of a change may not leave as it is, whatever made it: every
// text in it, as it stands on the wire and as it reads. Files are ScanFile's.
func (e Egress) Scan(c *event.ChangeBody) []Finding {
	s := search{gate: &e}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		s.at = Finding{Field: name}
		s.value(c.Fields[name], 0)
	}
	for i := range c.Items {
		item := &c.Items[i]
		s.at = Finding{Field: collectionComments, Item: string(item.ID)}
		if item.Kind == event.ItemAttachment {
			s.at = Finding{Field: collectionAttachments, Item: string(item.ID)}
		}
		s.text(item.Body)
		s.text(item.Author.Name + "\n" + item.Author.Email)
		s.text(item.Name + "\n" + item.MIME)
	}
	return s.found
}

// search gathers what is found, once for each place and kind.
type search struct {
	gate  *Egress
	at    Finding
	found []Finding
	hosts []string
}

func (s *search) value(v any, depth int) {
	if depth > maxDepth {
		s.add("", "nested too deeply to be read", "", "")
		return
	}
	switch v := v.(type) {
	case string:
		s.text(v)
	case []any:
		for _, one := range v {
			s.value(one, depth+1)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			s.text(key)
			s.value(v[key], depth+1)
		}
	}
}

// text searches all readings of a text.
func (s *search) text(t string) {
	if len(t) < 6 {
		return
	}
	if len(t) > maxScan {
		s.add("", "longer than can be searched", "", t)
		return
	}
	if s.hosts == nil {
		s.hosts = lowerAll(s.gate.Hosts)
	}
	whole := forms(t, func(f textForm) {
		for _, name := range searched {
			if s.gate.action(name) == ActionPass {
				continue
			}
			if spans := finderOf(name)(f.text, s.hosts); len(spans) > 0 {
				s.add(name, f.how, f.text[spans[0].start:spans[0].end], t)
			}
		}
	})
	if !whole {
		s.add("", "encoded too often to be read", "", t)
	}
}

// searched are the detectors in the order in which they look.
var searched = []string{"secret", "card", "iban", "host", "email", "phone", "ip"}

func finderOf(name string) findFunc {
	switch name {
	case "secret":
		return findSecrets
	case "card":
		return findCards
	case "iban":
		return findIBANs
	case "host":
		return findHosts
	case "email":
		return findEmails
	case "phone":
		return findPhones
	}
	return findIPs
}

// add notes one finding for each place and detector: whole is what an approval
// is bound to.
func (s *search) add(detector, how, what, whole string) {
	f := s.at
	f.Code, f.Detector, f.Form = FindingContent, detector, how
	if detector == "" {
		f.Code = FindingUnscanned
	}
	for _, had := range s.found {
		if had.Field == f.Field && had.Item == f.Item && had.File == f.File && had.Detector == f.Detector {
			return
		}
	}
	f.Blocked = detector != "" && s.gate.action(detector) == ActionBlock
	f.Sample = glimpse(detector, what)
	f.Digest = contentDigest(f, whole)
	s.found = append(s.found, f)
}

// glimpse shows enough to find a place, and little of what stands there.
func glimpse(detector, what string) string {
	switch {
	case what == "":
		return ""
	case detector == "secret":
		head, _, _ := strings.Cut(what, "\n")
		if strings.HasPrefix(head, "-----") {
			return head
		}
		return string([]rune(what)[:min(4, len([]rune(what))/4)]) + "•••"
	case detector == "host":
		return mask(what, min(6, len(what)/2))
	}
	return mask(what, min(2, len(what)/4))
}

func contentDigest(f Finding, content string) string {
	h := sha256.New()
	for _, part := range []string{string(f.Code), f.Detector, f.Field, f.Item, content} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ApprovalDigest is what an approval of findings is bound to: the content in
// which each stands. Another text, or one finding more, is another digest.
func ApprovalDigest(findings []Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Digest)
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:8])
}

// Approvable tells whether a person may let these findings leave as they are.
func Approvable(findings []Finding) bool {
	for _, f := range findings {
		if f.Blocked || f.Digest == "" {
			return false
		}
	}
	return len(findings) > 0
}

// Mask replaces what detectors with ActionMask find in the texts of a replica. It
// changes nothing of replica itself.
func (e Egress) Mask(replica Replica) Replica {
	var names []string
	for _, name := range searched {
		if e.action(name) == ActionMask {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return replica
	}
	hosts := lowerAll(e.Hosts)
	masked := func(t string) string {
		var all []sighting
		for _, name := range names {
			for _, s := range finderOf(name)(t, hosts) {
				all = append(all, sighting{s, name})
			}
		}
		return replaceNamed(t, all)
	}
	fields := make(event.Fields, len(replica.Fields))
	for name, v := range replica.Fields {
		fields[name] = maskedValue(v, masked, 0)
	}
	replica.Fields = fields
	replica.Comments = slices.Clone(replica.Comments)
	for i := range replica.Comments {
		replica.Comments[i].Body = masked(replica.Comments[i].Body)
	}
	replica.Attachments = slices.Clone(replica.Attachments)
	for i := range replica.Attachments {
		replica.Attachments[i].Name = masked(replica.Attachments[i].Name)
	}
	return replica
}

func maskedValue(v any, masked func(string) string, depth int) any {
	if depth > maxDepth {
		return nil
	}
	switch v := v.(type) {
	case string:
		return masked(v)
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = maskedValue(one, masked, depth+1)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, one := range v {
			out[key] = maskedValue(one, masked, depth+1)
		}
		return out
	}
	return v
}

// String says a finding in a line, without the content.
func (f Finding) String() string {
	s := string(f.Code)
	if f.Detector != "" {
		s = f.Detector
	}
	if f.Field != "" {
		s += " in " + f.Field
	}
	if f.File != "" {
		s += ", file " + f.File
	}
	if f.Part != "" {
		s += ", " + f.Part
	}
	if f.Form != "" {
		s += " (" + f.Form + ")"
	}
	if f.Sample != "" {
		s += ": " + f.Sample
	}
	return s
}
