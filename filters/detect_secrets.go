package filters

import (
	"crypto/x509"
	"regexp"
	"strings"
)

// secretForm is a form that secrets have. needle stands in each, in lower case if
// any is set, and is looked for first: most texts have none.
type secretForm struct {
	needle string
	any    bool
	re     *regexp.Regexp
}

func form(needle, re string) secretForm {
	return secretForm{needle: needle, re: regexp.MustCompile(re)}
}

var secretForms = []secretForm{
	form("PRIVATE KEY", `-----\s*BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?\s*-----(?s:.*?)(?:-----\s*END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?\s*-----|\z)`),
	form("PuTTY-User-Key-File", `PuTTY-User-Key-File-[0-9]:(?s:.*?)(?:Private-MAC: *[0-9a-f]+|\z)`),
	form("AGE-SECRET-KEY-", `AGE-SECRET-KEY-1[0-9A-Z]{40,}`),
	form("AKIA", `\bAKIA[0-9A-Z]{16}\b`),
	form("ASIA", `\bASIA[0-9A-Z]{16}\b`),
	form("gh", `\bgh[pousr]_[A-Za-z0-9]{20,}`),
	form("github_pat_", `\bgithub_pat_[A-Za-z0-9_]{22,}`),
	form("gl", `\bgl(?:pat|rt|dt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{20,}`),
	form("xox", `\bxox[abeoprs]-[A-Za-z0-9-]{10,}`),
	form("xapp-", `\bxapp-[0-9]-[A-Za-z0-9-]{20,}`),
	form("hooks.slack.com", `hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/]{20,}`),
	form("k_", `\b(?:[rs]k|pk)_(?:live|test)_[A-Za-z0-9]{16,}`),
	form("whsec_", `\bwhsec_[A-Za-z0-9+/=]{20,}`),
	form("eyJ", `\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`),
	form("AIza", `\bAIza[A-Za-z0-9_-]{35}`),
	form("GOCSPX-", `\bGOCSPX-[A-Za-z0-9_-]{20,}`),
	form("ya29.", `\bya29\.[A-Za-z0-9_-]{20,}`),
	form("npm_", `\bnpm_[A-Za-z0-9]{36}`),
	form("pypi-", `\bpypi-[A-Za-z0-9_-]{40,}`),
	form("SG.", `\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}`),
	form("SK", `\bSK[0-9a-f]{32}\b`),
	form("key-", `\bkey-[0-9a-f]{32}\b`),
	form(":AA", `\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}`),
	form("AccountKey=", `AccountKey=[A-Za-z0-9+/]{40,}=*`),
	form("SharedAccessKey=", `SharedAccessKey=[A-Za-z0-9+/]{30,}=*`),
	form("sig=", `[?&]sig=[A-Za-z0-9%+/]{30,}`),
	form("do", `\bdo[opr]_v1_[0-9a-f]{40,}`),
	form("shp", `\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}`),
	form("sq0", `\bsq0[a-z]{3}-[A-Za-z0-9_-]{22,}`),
	form("hf_", `\bhf_[A-Za-z0-9]{30,}`),
	form("sk-", `\bsk-[A-Za-z0-9_-]{32,}`),
	form("hv", `\bhv[sbr]\.[A-Za-z0-9_-]{24,}`),
	form("dapi", `\bdapi[0-9a-f]{32}`),
	form("lin_api_", `\blin_api_[A-Za-z0-9]{32,}`),
	form("ATATT3", `\bATATT3[A-Za-z0-9_=-]{40,}`),
	form("ATCTT3", `\bATCTT3[A-Za-z0-9_=-]{40,}`),
	form("glsa_", `\bglsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}`),
	form("NRAK-", `\bNRAK-[A-Z0-9]{27}`),
	form("PMAK-", `\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}`),
	form("dckr_pat_", `\bdckr_pat_[A-Za-z0-9_-]{20,}`),
	form("figd_", `\bfigd_[A-Za-z0-9_-]{30,}`),
	form("dp.pt.", `\bdp\.pt\.[A-Za-z0-9]{40,}`),
	form("rubygems_", `\brubygems_[0-9a-f]{48}`),
	form(".atlasv1.", `\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,}`),
	form("SU", `\bS[UAONC][A-Z2-7]{56}\b`),
	form("SA", `\bS[UAONC][A-Z2-7]{56}\b`),
	{"bearer", true, regexp.MustCompile(`(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}=*`)},
	{"basic", true, regexp.MustCompile(`(?i)\bbasic\s+[A-Za-z0-9+/]{12,}={0,2}`)},
	{"://", true, regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@"'<>]*:[^\s/@"'<>]+@`)},
}

// keyWords are what stands before a secret in settings and logs.
var (
	keyWords   = []string{"passw", "passphrase", "passwor", "pwd", "secret", "key", "token", "kennwort", "credential"}
	keyPattern = regexp.MustCompile(`(?i)\b[a-z0-9_.-]*?(?:password|passwd|passwort|kennwort|passphrase|pwd|secret|api[_-]?key|access[_-]?key|account[_-]?key|secret[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|token|credential)\b["']?\s*(?:[:=]|=>|:=|is:?\s)\s*("[^"\n]{4,}"|'[^'\n]{4,}'|[^\s"',;]{4,})`)
	codeValue  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|::|->)[A-Za-z_][A-Za-z0-9_]*)+[;,)]*$`)
	// harmless are values that look drawn and are none: keys of tickets, paths of Windows,
	// settings that are numbers, elements of lists.
	harmless    = regexp.MustCompile(`^(?:[A-Z][A-Z0-9]+-[0-9]+|[A-Za-z]:\\.*|[a-z_]+=[0-9]+|[A-Za-z_][A-Za-z0-9_.]*\[.*\])$`)
	placeholder = regexp.MustCompile(`(?i)^(?:x{3,}|\*{3,}|\.{3,}|•+|_+|<.*|\[.*|\{.*|\$.*|%.*|your.*|example.*|changeme|redacted|none|null|nil|undefined|true|false)`)
)

func findSecrets(t string, _ []string) []span {
	var out []span
	low := asciiLower(t)
	for i := range secretForms {
		f := &secretForms[i]
		in := t
		if f.any {
			in = low
		}
		if !strings.Contains(in, f.needle) {
			continue
		}
		for _, at := range f.re.FindAllStringIndex(t, -1) {
			if f.needle != "basic" && f.needle != "bearer" && f.needle != "://" || isCredential(t[at[0]:at[1]], f.needle) {
				out = append(out, span{at[0], at[1]})
			}
		}
	}
	for _, word := range keyWords {
		if strings.Contains(low, word) {
			out = append(out, assigned(t)...)
			break
		}
	}
	return merged(out)
}

// isCredential tells one from words that follow "basic" or "bearer", and an
// address with a name and password from one with a place to put them.
func isCredential(s, form string) bool {
	if form == "://" {
		_, password, _ := strings.Cut(s[strings.Index(s, "://")+3:], ":")
		password = strings.TrimSuffix(password, "@")
		return !placeholder.MatchString(password) && !strings.EqualFold(password, "password") && !strings.EqualFold(password, "pass")
	}
	value := s[strings.LastIndexAny(s, " \t\n")+1:]
	return mixed(value) && !codeValue.MatchString(value)
}

// assigned finds values that are given to a key, a password or a token.
func assigned(t string) []span {
	var out []span
	for _, at := range keyPattern.FindAllStringSubmatchIndex(t, -1) {
		value := t[at[2]:at[3]]
		quoted := value[0] == '"' || value[0] == '\''
		value = strings.Trim(value, `"'`)
		if isSecretValue(strings.TrimRight(value, ".,;)"), quoted) {
			out = append(out, span{at[0], at[1]})
		}
	}
	return out
}

func isSecretValue(value string, quoted bool) bool {
	switch {
	case len(value) < 6 || placeholder.MatchString(value) || codeValue.MatchString(value), !quoted && harmless.MatchString(value):
		return false
	case strings.ContainsAny(value, "(){}<>|") && !quoted, strings.Count(value, " ") > 0 && !quoted, strings.Count(value, " ") > 3:
		return false
	case strings.Contains(value, "${") || strings.Contains(value, "{{") || strings.Contains(value, "://") || value[0] == '/':
		return false
	}
	return mixed(value)
}

// mixed tells what was made up or drawn from a word: letters with digits, or with
// signs that words do not have.
func mixed(value string) bool {
	var letter, digit, sign bool
	for i := range len(value) {
		switch c := value[i]; {
		case letterByte(c) || c >= 0x80:
			letter = true
		case digitByte(c):
			digit = true
		case strings.IndexByte("!#$%&*+=?@^~", c) >= 0:
			sign = true
		}
	}
	return letter && (digit || sign)
}

// isKeyFile tells whether bytes are a private key without its frame of text.
func isKeyFile(der []byte) bool {
	if len(der) < 40 || der[0] != 0x30 {
		return false
	}
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}
