package filtertest

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/filters"
	"parley/sync/event"
)

// masker replaces what is personal or secret, the same thing by the same thing
// wherever it stands: a filter that compares still finds equals equal.
type masker struct {
	redact func(string) (any, error)
	people []event.User // as they were; person N is people[N-1]
	names  []named
	emails map[string]string
	hosts  map[string]string
	blank  bool
}

// named is what a text must be free of, and what takes its place. A part of a name
// counts as a word only: "Ann" is not in "planning".
type named struct {
	find *regexp.Regexp
	by   string
	word bool
}

func (n named) replace(t string) string {
	var out strings.Builder
	at := 0
	for _, hit := range n.find.FindAllStringIndex(t, -1) {
		before, _ := utf8.DecodeLastRuneInString(t[:hit[0]])
		after, _ := utf8.DecodeRuneInString(t[hit[1]:])
		if n.word && (unicode.IsLetter(before) || unicode.IsLetter(after)) {
			continue
		}
		out.WriteString(t[at:hit[0]] + n.by)
		at = hit[1]
	}
	return out.String() + t[at:]
}

// What stands in no real text of a ticket by chance, or is better masked once too
// often than once too seldom.
var (
	mailPattern = regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+`)
	hostPattern = regexp.MustCompile(`(?i)\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}\b`)
	urlPattern  = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://)([^\s/:?#<>()\[\]"']+)`)
	longPattern = regexp.MustCompile(`[A-Za-z0-9_+/=-]{20,}`)
)

const redacting = `replica.summary = redact(issue.summary, "secret", "iban", "card", "ip", "phone")`

func newMasker(ctx context.Context, blank bool) (*masker, error) {
	script, err := filters.CompileOutgoing(redacting, filters.Env{})
	if err != nil {
		return nil, fmt.Errorf("compile the masking of test cases: %w", err)
	}
	redact := func(t string) (any, error) {
		out, err := script.Run(ctx, filters.OutInput{Issue: filters.Ours{Fields: event.Fields{event.FieldSummary: t}}})
		return out.Replica.Fields[event.FieldSummary], err
	}
	return &masker{redact: redact, emails: map[string]string{}, hosts: map[string]string{}, blank: blank}, nil
}

// meet makes a person known, before any text is masked.
func (m *masker) meet(u event.User) {
	if u.ID == "" && u.Name == "" && u.Email == "" || m.number(u) > 0 {
		return
	}
	m.people = append(m.people, u)
	n := len(m.people)
	if u.Email != "" {
		m.emails[strings.ToLower(u.Email)] = personMail(n)
		m.name(u.Email, personMail(n), false)
	}
	m.name(u.Name, personName(n), false)
	m.name(u.ID, personID(n), true)
	for _, part := range strings.FieldsFunc(u.Name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		m.name(part, personName(n), true)
	}
}

func (m *masker) name(text, by string, word bool) {
	if utf8.RuneCountInString(text) < 3 || isNumber(text) {
		return
	}
	m.names = append(m.names, named{regexp.MustCompile(`(?i)` + regexp.QuoteMeta(text)), by, word})
	// A whole name goes before its parts.
	slices.SortStableFunc(m.names, func(a, b named) int { return len(b.find.String()) - len(a.find.String()) })
}

func isNumber(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}

func (m *masker) number(u event.User) int {
	return 1 + slices.IndexFunc(m.people, func(p event.User) bool {
		return p.ID == u.ID && p.Name == u.Name || u.Email != "" && strings.EqualFold(p.Email, u.Email)
	})
}

func personName(n int) string { return "Person " + strconv.Itoa(n) }
func personID(n int) string   { return "person" + strconv.Itoa(n) }
func personMail(n int) string { return personID(n) + "@example.com" }

// user is a person as a case may name them.
func (m *masker) user(u event.User) event.User {
	n := m.number(u)
	if n == 0 {
		return event.User{}
	}
	out := event.User{ID: personID(n), Name: personName(n)}
	if u.Email != "" {
		out.Email = m.emails[strings.ToLower(u.Email)]
	}
	return out
}

// text masks a text, or with blank leaves its form only.
func (m *masker) text(t string) string {
	if t == "" {
		return t
	}
	if m.blank {
		return blanked(t)
	}
	// Codes and keys first, as long as their marks stand as they were.
	t = m.redacted(t)
	t = mailPattern.ReplaceAllStringFunc(t, m.mail)
	for _, n := range m.names {
		t = n.replace(t)
	}
	t = urlPattern.ReplaceAllStringFunc(t, func(whole string) string {
		parts := urlPattern.FindStringSubmatch(whole)
		return parts[1] + m.host(parts[2])
	})
	t = hostPattern.ReplaceAllStringFunc(t, m.host)
	return longPattern.ReplaceAllStringFunc(t, func(s string) string {
		if strings.ContainsAny(s, "0123456789") && strings.IndexFunc(s, unicode.IsLetter) >= 0 {
			return "[secret]"
		}
		return s
	})
}

func (m *masker) redacted(t string) string {
	out, err := m.redact(t)
	text, ok := out.(string)
	if err != nil || !ok {
		return blanked(t) // too long to be searched: nothing of it may stay
	}
	return text
}

// blanked keeps the form of a text: every letter becomes x, every digit 0.
func blanked(t string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsUpper(r):
			return 'X'
		case unicode.IsLetter(r):
			return 'x'
		case unicode.IsNumber(r):
			return '0'
		}
		return r
	}, t)
}

func (m *masker) mail(address string) string {
	if strings.HasSuffix(address, "@example.com") {
		return address
	}
	key := strings.ToLower(address)
	if m.emails[key] == "" {
		m.emails[key] = fmt.Sprintf("mail%d@example.com", len(m.emails)+1)
	}
	return m.emails[key]
}

func (m *masker) host(name string) string {
	key := strings.ToLower(name)
	if key == "example.com" || strings.HasSuffix(key, ".example") {
		return name
	}
	if m.hosts[key] == "" {
		m.hosts[key] = fmt.Sprintf("host%d.example", len(m.hosts)+1)
	}
	return m.hosts[key]
}

func (m *masker) link(text string) string {
	u, err := url.Parse(text)
	if text == "" || err != nil {
		return ""
	}
	return "https://" + m.host(u.Hostname()) + "/1"
}

// value masks a field's value by what it is.
func (m *masker) value(v any) any {
	switch v := v.(type) {
	case string:
		return m.text(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = m.value(v[i])
		}
		return out
	case map[string]any:
		if u, ok := asUser(v); ok {
			return m.user(u).Value()
		}
		out := map[string]any{}
		for name, member := range v {
			out[name] = m.value(member)
		}
		return out
	}
	return v
}

// asUser tells a person among the values of fields.
func asUser(v map[string]any) (event.User, bool) {
	id, _ := v["id"].(string)
	name, named := v["name"].(string)
	email, _ := v["email"].(string)
	return event.User{ID: id, Name: name, Email: email}, named
}

// meetIn makes the persons of a value known.
func (m *masker) meetIn(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			m.meetIn(one)
		}
	case map[string]any:
		if u, ok := asUser(v); ok {
			m.meet(u)
			return
		}
		for _, one := range v {
			m.meetIn(one)
		}
	}
}
