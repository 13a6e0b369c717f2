package filters

import (
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// detector finds one kind of thing that should not leave.
type detector struct {
	name string
	find findFunc
}

// findFunc returns where the things stand, in bytes, in order.
type findFunc func(t string, hosts []string) []span

func detectors() map[string]findFunc {
	return map[string]findFunc{
		"email":  byPattern(emailPattern, nil),
		"phone":  byPattern(phonePattern, isPhone),
		"card":   byPattern(cardPattern, isCard),
		"iban":   byPattern(ibanPattern, isIBAN),
		"ip":     byPattern(ipPattern, isIP),
		"secret": findSecrets,
		"host":   findHosts,
	}
}

var (
	emailPattern = regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+`)
	phonePattern = regexp.MustCompile(`(?:\+|\b00|\(0|\b0)[0-9()/ .\-]{6,22}[0-9]`)
	cardPattern  = regexp.MustCompile(`\b[0-9](?:[ -]?[0-9]){12,18}\b`)
	ibanPattern  = regexp.MustCompile(`\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}\b`)
	ipPattern    = regexp.MustCompile(`\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}`)

	secretPatterns = []*regexp.Regexp{
		regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`),
		regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`),
		regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{20,}`),
		regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`),
		regexp.MustCompile(`\bxox[abprs]-[A-Za-z0-9-]{10,}`),
		regexp.MustCompile(`\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}`),
		regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`),
		regexp.MustCompile(`(?i)\b(?:password|passwd|passwort|pwd|secret|api[_-]?key|access[_-]?token|token)\b["']?\s*[:=]\s*["']?[^\s"',;]{4,}`),
		regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}`),
		regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@`),
	}
)

func byPattern(re *regexp.Regexp, really func(string) bool) findFunc {
	return func(t string, _ []string) []span {
		var out []span
		for _, at := range re.FindAllStringIndex(t, -1) {
			if really == nil || really(t[at[0]:at[1]]) {
				out = append(out, span{at[0], at[1]})
			}
		}
		return out
	}
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func isPhone(s string) bool {
	n := len(digits(s))
	return n >= 7 && n <= 15
}

// isCard checks the last digit, so that not every long number is a card.
func isCard(s string) bool {
	d := digits(s)
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0 && strings.Trim(d, d[:1]) != ""
}

func isIBAN(s string) bool {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	var number strings.Builder
	for _, r := range s[4:] + s[:4] {
		if unicode.IsDigit(r) {
			number.WriteRune(r)
			continue
		}
		number.WriteString(big.NewInt(int64(r-'A') + 10).String())
	}
	n, ok := new(big.Int).SetString(number.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

func isIP(s string) bool {
	addr, err := netip.ParseAddr(s)
	return err == nil && !addr.IsUnspecified()
}

func findSecrets(t string, _ []string) []span {
	var out []span
	for _, re := range secretPatterns {
		for _, at := range re.FindAllStringIndex(t, -1) {
			out = append(out, span{at[0], at[1]})
		}
	}
	return merged(out)
}

// findHosts finds our host names and everything under them.
func findHosts(t string, hosts []string) []span {
	low := asciiLower(t)
	var out []span
	for _, host := range hosts {
		for from := 0; ; {
			at := strings.Index(low[from:], host)
			if at < 0 {
				break
			}
			start, end := from+at, from+at+len(host)
			from = end
			for start > 0 && hostByte(low[start-1]) {
				start--
			}
			whole := start == from-len(host) || low[from-len(host)-1] == '.'
			if whole && hostEnds(low, end) {
				out = append(out, span{start, end})
			}
		}
	}
	return merged(out)
}

// hostEnds tells whether a host name is over at i; a full stop may end a sentence.
func hostEnds(low string, i int) bool {
	if i < len(low) && low[i] == '.' {
		i++
		return i == len(low) || !hostByte(low[i])
	}
	return i == len(low) || !hostByte(low[i])
}

// asciiLower keeps every byte where it is.
func asciiLower(t string) string {
	b := []byte(t)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func hostByte(c byte) bool {
	return c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z'
}

// merged sorts spans and joins those that touch.
func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && s.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}
