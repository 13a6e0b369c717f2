package filters

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

var (
	phonePattern = regexp.MustCompile(`(?:\+|\b00|\(0|\b0)[0-9()/ .\-]{6,22}[0-9]|\(?\b[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4}\b`)
	ipPattern    = regexp.MustCompile(`[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}`)
	datePattern  = regexp.MustCompile(`^\(?[0-9]{1,4}[./ -][0-9]{1,2}[./ -][0-9]{1,4}(?:[ .-]|$)`)
	versionWords = regexp.MustCompile(`(?i)(?:version|release|build|ver\.?|driver|firmware|section|chapter|rev\.?|v)[ :=/]*$`)
)

// findCards finds payment cards: the issuer's digits, a length that issuer has,
// the groups that cards are printed in or none, and the check digit. Of 17 to 19
// digits in one only an issuer that has such is known: other long numbers have as many.
func findCards(t string, _ []string) []span {
	var out []span
	for i := 0; i < len(t); i++ {
		if !digitByte(t[i]) {
			continue
		}
		groups := numberGroups(t, i)
		last := groups[len(groups)-1]
		if i == 0 || !wordByte(t[i-1]) {
			out = append(out, cardsIn(t, groups)...)
		}
		i = last.end
	}
	return out
}

// numberGroups are runs of digits from i on, with one separator between each.
func numberGroups(t string, i int) []span {
	var groups []span
	for {
		start := i
		for i < len(t) && digitByte(t[i]) {
			i++
		}
		groups = append(groups, span{start, i})
		next := i
		for next < len(t) && next < i+2 && strings.IndexByte(" .-_\r\n\t", t[next]) >= 0 {
			next++
		}
		if next == i || next >= len(t) || !digitByte(t[next]) {
			return groups
		}
		i = next
	}
}

func cardsIn(t string, groups []span) []span {
	var out []span
	for at := 0; at < len(groups); at++ {
		for n := min(5, len(groups)-at); n > 0; n-- {
			whole := span{groups[at].start, groups[at+n-1].end}
			if whole.end < len(t) && wordByte(t[whole.end]) || n == 1 && isFraction(t, whole) || !cardGroups(groups[at:at+n]) {
				continue
			}
			if d := digits(t[whole.start:whole.end]); isCard(d) && (n > 1 || len(d) < 17 || d[:2] == "62") && !isArticle(d) {
				out = append(out, whole)
				at += n - 1
				break
			}
		}
	}
	return out
}

// isFraction tells a part of a decimal number.
func isFraction(t string, s span) bool {
	before := s.start > 1 && t[s.start-1] == '.' && digitByte(t[s.start-2])
	after := s.end+1 < len(t) && t[s.end] == '.' && digitByte(t[s.end+1])
	return before || after
}

func cardGroups(groups []span) bool {
	if len(groups) == 1 {
		return true
	}
	sizes := make([]byte, len(groups))
	for i, g := range groups {
		if g.end-g.start > 9 {
			return false
		}
		sizes[i] = '0' + byte(g.end-g.start)
	}
	return slices.Contains([]string{"4444", "465", "464", "44443", "4441", "445", "88"}, string(sizes))
}

// isCard checks issuer, length and the last digit, so that not every long number is a card.
func isCard(d string) bool {
	return len(d) >= 12 && len(d) <= 19 && isIssued(d) && strings.Trim(d, d[:1]) != "" && luhn(d)
}

// isArticle tells a number of goods (EAN), which have as many digits as cards once had: of
// every ten that begin with 4, as the German ones do, one has a card's check digit too.
func isArticle(d string) bool {
	if len(d) != 13 {
		return false
	}
	sum := 0
	for i := range len(d) {
		sum += int(d[i]-'0') * (1 + 2*(i%2))
	}
	return sum%10 == 0
}

func luhn(d string) bool {
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
	return sum%10 == 0
}

// isIssued tells whether an issuer of payment cards has such numbers.
func isIssued(d string) bool {
	n, four := len(d), number(d[:4])
	within := func(low, high, digits int) bool {
		p := number(d[:digits])
		return p >= low && p <= high
	}
	switch {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case within(51, 55, 2), within(2221, 2720, 4), within(2200, 2204, 4), four == 9792, within(81, 82, 2):
		return n == 16
	case within(34, 34, 2), within(37, 37, 2):
		return n == 15
	case within(300, 305, 3), four == 3095, d[:2] == "36", within(38, 39, 2):
		return n == 14 || n == 16
	case within(3528, 3589, 4), four == 6011, within(644, 649, 3), d[:2] == "65", d[:2] == "62", d[:2] == "60":
		return n == 16 || n == 19
	}
	return slices.Contains([]int{5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763}, four) && n != 14
}

func number(d string) int {
	n := 0
	for i := range len(d) {
		n = n*10 + int(d[i]-'0')
	}
	return n
}

// ibanLengths are the countries that have them, and how long theirs are.
const ibanLengths = " AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 " +
	"FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 " +
	"LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 " +
	"SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 "

// findIBANs finds account numbers by country, length and check digits.
func findIBANs(t string, _ []string) []span {
	var out []span
	for i := 0; i+15 <= len(t); i++ {
		if !digitByte(t[i+2]) || !digitByte(t[i+3]) || !letterByte(t[i]) || !letterByte(t[i+1]) || i > 0 && wordByte(t[i-1]) {
			continue
		}
		if end := ibanEnd(t, i); end > 0 {
			out = append(out, span{i, end})
			i = end - 1
		}
	}
	return out
}

// ibanEnd is where the account number that begins at i ends; 0 if it is none.
func ibanEnd(t string, i int) int {
	at := strings.Index(ibanLengths, " "+strings.ToUpper(t[i:i+2]))
	if at < 0 {
		return 0
	}
	size := number(ibanLengths[at+3 : at+5])
	var compact [34]byte
	n := 0
	for ; i < len(t) && n < size; i++ {
		c := t[i]
		switch {
		case digitByte(c):
		case letterByte(c):
			c &^= 'a' - 'A'
		case (c == ' ' || c == '-' || c == '.' || c == '\n') && n > 0 && i+1 < len(t) && (letterByte(t[i+1]) || digitByte(t[i+1])):
			continue
		default:
			return 0
		}
		compact[n] = c
		n++
	}
	if n < size || i < len(t) && wordByte(t[i]) || !ibanChecks(compact[:n]) {
		return 0
	}
	return i
}

func ibanChecks(c []byte) bool {
	rest := 0
	for i := range c {
		b := c[(i+4)%len(c)]
		if digitByte(b) {
			rest = (rest*10 + int(b-'0')) % 97
			continue
		}
		rest = (rest*100 + int(b-'A') + 10) % 97
	}
	return rest == 1
}

func findPhones(t string, _ []string) []span {
	if !someDigits(t, 7) {
		return nil
	}
	var out []span
	for _, at := range phonePattern.FindAllStringIndex(t, -1) {
		if isPhone(t, at[0], at[1]) {
			out = append(out, span{at[0], at[1]})
		}
	}
	return out
}

func isPhone(t string, start, end int) bool {
	one := t[start:end]
	n := len(digits(one))
	switch {
	case n < 7 || n > 15 || end < len(t) && wordByte(t[end]):
		return false
	case start > 0 && (wordByte(t[start-1]) || strings.IndexByte(".,-:/=#+", t[start-1]) >= 0):
		return false // a part of a number, a path or a sum
	case datePattern.MatchString(one), strings.Contains(one, "  "):
		return false
	case end+1 < len(t) && strings.IndexByte(".:,-", t[end]) >= 0 && digitByte(t[end+1]):
		return false
	}
	if one[0] == '+' {
		return n >= 8 && len(one) > 1 && one[1] != '0'
	}
	return one[0] == '(' || strings.HasPrefix(one, "00") && n >= 10 && !strings.ContainsRune(one, '.') ||
		one[0] == '0' && one[1] != '0' && n >= 9 && strings.ContainsAny(one, " /-") && strings.Count(one, ".") == 0 && groupsOf(one) <= 5 ||
		one[0] >= '2' && n == 10
}

func groupsOf(s string) int {
	return len(strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }))
}

// someDigits tells whether t has n digits, wherever.
func someDigits(t string, n int) bool {
	for i := range len(t) {
		if digitByte(t[i]) {
			if n--; n <= 0 {
				return true
			}
		}
	}
	return false
}

func findIPs(t string, _ []string) []span {
	if strings.IndexByte(t, '.') < 0 && strings.IndexByte(t, ':') < 0 {
		return nil
	}
	var out []span
	for _, at := range ipPattern.FindAllStringIndex(t, -1) {
		if isIP(t, at[0], at[1]) {
			out = append(out, span{at[0], at[1]})
		}
	}
	return out
}

func isIP(t string, start, end int) bool {
	one := t[start:end]
	addr, err := netip.ParseAddr(one)
	if err != nil || addr.IsUnspecified() {
		return false
	}
	if start > 0 && (wordByte(t[start-1]) || strings.IndexByte(".:-", t[start-1]) >= 0) || end < len(t) && (wordByte(t[end]) || t[end] == '-') {
		return false
	}
	if end+1 < len(t) && (t[end] == '.' || t[end] == ':' && addr.Is6()) && wordByte(t[end+1]) {
		return false
	}
	if addr.Is4() {
		return !versionWords.MatchString(t[max(0, start-16):start])
	}
	return len(digits(one)) > 0 && (len(one) > 5 || strings.HasPrefix(one, "::1"))
}
