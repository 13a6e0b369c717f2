package filters

import (
	"regexp"
	"slices"
	"strings"
)

// detector finds one kind of thing that should not leave.
type detector struct {
	name string
	find findFunc
}

// findFunc returns where the things stand, in bytes, in order. hosts are our own
// host names and domains, in lower case.
type findFunc func(t string, hosts []string) []span

func detectors() map[string]findFunc {
	return map[string]findFunc{
		"email":  findEmails,
		"phone":  findPhones,
		"card":   findCards,
		"iban":   findIBANs,
		"ip":     findIPs,
		"secret": findSecrets,
		"host":   findHosts,
	}
}

// Detectors names the kinds of content that redact and the egress gate know, sorted.
func Detectors() []string { return sortedKeys(detectors()) }

var emailPattern = regexp.MustCompile(`[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+`)

// fileEndings look like the end of a host name and are not: logo@2x.png.
const fileEndings = " png jpg jpeg gif svg webp ico css js mjs ts tsx jsx json yaml yml xml html go py rb java so dll exe " +
	"service socket target timer mount slice scope path zip tar gz txt md map log "

func findEmails(t string, _ []string) []span {
	if strings.IndexByte(t, '@') < 0 {
		return nil
	}
	var out []span
	for _, at := range emailPattern.FindAllStringIndex(t, -1) {
		if isEmail(t, at[0], at[1]) {
			out = append(out, span{at[0], at[1]})
		}
	}
	return out
}

func isEmail(t string, start, end int) bool {
	one := t[start:end]
	top := asciiLower(one[strings.LastIndexByte(one, '.')+1:])
	switch {
	case len(top) < 2 || strings.ContainsAny(top, "0123456789") && !strings.HasPrefix(top, "xn--"):
		return false
	case strings.Contains(fileEndings, " "+top+" "):
		return false
	case start > 0 && (t[start-1] == '@' || t[start-1] == '/' && !strings.HasSuffix(t[:start], "//")):
		return false // @ann@social.example, npm/left@1.2.x
	case end < len(t)-1 && t[end] == ':' && (letterByte(t[end+1]) || t[end+1] == '/' || t[end+1] == '~'):
		return false // git@host.example:project/repository
	}
	before := t[max(0, start-256):start]
	if at := strings.LastIndex(before, "://"); at >= 0 && !strings.ContainsAny(before[at+3:], " \t\n/?#") {
		return false // name and password of an address
	}
	return !strings.HasSuffix(before, "://")
}

func letterByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func digitByte(c byte) bool { return c >= '0' && c <= '9' }

// wordByte is part of a word; bytes of characters beyond ASCII count as such.
func wordByte(c byte) bool { return letterByte(c) || digitByte(c) || c == '_' || c >= 0x80 }

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// findHosts finds our host names and everything under them, and names that are
// internal wherever they are used.
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
			if from = end; !hostEnds(low, end) {
				continue
			}
			for start > 0 && hostByte(low[start-1]) {
				start--
			}
			whole := start == from-len(host) || low[from-len(host)-1] == '.'
			if whole {
				out = append(out, span{start, end})
			}
		}
	}
	return merged(append(out, internalHosts(low)...))
}

// internalEndings are ends of names that no public network knows.
var internalEndings = []string{
	".internal", ".intranet", ".intra", ".corp", ".local", ".lan", ".localdomain", ".home.arpa", ".private", ".consul",
}

// internalHosts finds names that end so, in a text in lower case.
func internalHosts(low string) []span {
	var out []span
	for _, ending := range internalEndings {
		for from := 0; ; {
			at := strings.Index(low[from:], ending)
			if at < 0 {
				break
			}
			end := from + at + len(ending)
			start := from + at
			if from = end; !hostEnds(low, end) {
				continue
			}
			for start > 0 && hostByte(low[start-1]) {
				start--
			}
			if isInternal(low, start, end, len(ending)) {
				out = append(out, span{start, end})
			}
		}
	}
	return out
}

// hostWords are what machines are called; other single names before an ending
// are as well a field in a program.
const hostWords = " wiki jira git gitlab jenkins db mail smtp imap vpn intranet ldap nas printer proxy grafana vault confluence nexus " +
	"artifactory ci build staging stage dev test prod production www portal web api app backup files server host router gateway ns dns redis postgres " +
	"mysql kafka elastic kibana prometheus sso auth login admin metrics monitor monitoring registry docker k8s bastion jump erp crm hr sap " +
	"exchange sharepoint "

func isInternal(low string, start, end, ending int) bool {
	name := strings.Trim(low[start:end-ending], ".")
	if name == "" || low[start] == '.' || low[start] == '-' || strings.Contains(name, "..") {
		return false
	}
	if start > 0 && strings.IndexByte("_$\\#%", low[start-1]) >= 0 || start > 0 && low[start-1] >= 0x80 {
		return false
	}
	after := byte(' ')
	if end < len(low) {
		after = low[end]
	}
	if strings.IndexByte("([_=\\", after) >= 0 || after >= 0x80 {
		return false
	}
	asked := strings.HasSuffix(low[:start], "://") || strings.HasSuffix(low[:start], "@") || strings.HasSuffix(low[:start], "\\")
	asked = asked || low[end-ending:end] == ".home.arpa" || low[end-ending:end] == ".localdomain" || low[end-ending:end] == ".intranet"
	asked = asked || after == '/' || after == ':' && end+1 < len(low) && digitByte(low[end+1])
	if !asked && inCode(low, start, end) {
		return false
	}
	first, rest, deep := strings.Cut(name, ".")
	machine := strings.ContainsAny(first, "0123456789-") || strings.Contains(hostWords, " "+first+" ")
	code := first == "this" || first == "self" || first == "com" || first == "org" || first == "config" || first == "settings"
	return asked || machine || deep && !code && rest != ""
}

// inCode tells a name that a program declares or sets.
func inCode(low string, start, end int) bool {
	set := strings.TrimLeft(low[end:], " ")
	return strings.HasPrefix(set, "=") || strings.HasSuffix(low[:start], "package ") || strings.HasSuffix(low[:start], "import ")
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
	for i := range len(t) {
		if t[i] >= 'A' && t[i] <= 'Z' {
			b := []byte(t)
			for k := i; k < len(b); k++ {
				if b[k] >= 'A' && b[k] <= 'Z' {
					b[k] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return t
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
