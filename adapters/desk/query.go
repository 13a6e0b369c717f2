package desk

import (
	"slices"
	"strings"

	"parley/sync/event"
)

// query is `project=DESK status="In progress" label=vpn words`: all of it must
// hold. Words are looked for in key, summary and description.
type query struct {
	equal map[string]string
	words []string
}

const maxQuery = 1000

// parseQuery refuses what it does not understand: a mistyped key must not
// widen what is listed.
func parseQuery(s string) (query, error) {
	q := query{equal: map[string]string{}}
	if len(s) > maxQuery {
		return q, invalidf("a search is at most %d bytes long", maxQuery)
	}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		var word, value string
		end := strings.IndexAny(s, " =\"")
		if end < 0 {
			end = len(s)
		}
		word, s = s[:end], s[end:]
		switch {
		case word != "" && strings.HasPrefix(s, "="):
			if !slices.Contains(queryKeys(), word) {
				return q, invalidf("a search knows %s, not %q", strings.Join(queryKeys(), ", "), word)
			}
			var err error
			if value, s, err = queryValue(s[1:]); err != nil {
				return q, err
			}
			q.equal[word] = value
		case word != "":
			q.words = append(q.words, strings.ToLower(word))
		default:
			var err error
			if value, s, err = queryValue(s); err != nil {
				return q, err
			}
			q.words = append(q.words, strings.ToLower(value))
		}
	}
	return q, nil
}

func queryKeys() []string {
	return []string{"assignee", "label", "priority", "project", "status", "type"}
}

func queryValue(s string) (value, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		value, rest, ok := strings.Cut(s[1:], `"`)
		if !ok {
			return "", "", invalidf(`a search has a " without its end`)
		}
		return value, rest, nil
	}
	if s == "" || strings.HasPrefix(s, "=") {
		return "", "", invalidf("a search has a = without a value")
	}
	value, rest, _ = strings.Cut(s, " ")
	return value, rest, nil
}

func (q query) matches(t *ticket) bool {
	for name, value := range q.equal {
		switch name {
		case "label":
			labels, _ := t.fields[event.FieldLabels].([]any)
			if !slices.Contains(labels, any(value)) {
				return false
			}
		default:
			if t.fields[name] != value {
				return false
			}
		}
	}
	if len(q.words) == 0 {
		return true
	}
	summary, _ := t.fields[event.FieldSummary].(string)
	text, _ := t.fields[event.FieldDescription].(string)
	hay := strings.ToLower(t.key + "\n" + summary + "\n" + text)
	for _, w := range q.words {
		if !strings.Contains(hay, w) {
			return false
		}
	}
	return true
}
