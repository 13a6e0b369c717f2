package filters

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A token is a text that only this connection's key can read. It is made as SIV is
// made: a keyed hash of the text, the twin and the class is both the proof and the
// start of the key stream. So the same text makes the same token, which an unchanged
// ticket needs, and nothing random is needed that could repeat: two texts that differ
// have key streams that differ. What a token tells is that two texts of one ticket and
// class are equal, and their length to 16 bytes. The key is the connection's own, so a
// token of another connection does not verify.
//
// A token is one word of small letters and digits, which no markup means anything by;
// its two ends hold digits that its middle has none of, so that text may touch it.

const (
	sealStart = "sealed1"
	sealEnd   = '0'
	sealBlock = 16
	// maxSealed bounds the text in a token, maxSealedWord the middle of one.
	maxSealed     = 1 << 10
	maxSealedWord = (sealBlock + maxSealed + sealBlock) * 8 / 5
	maxClass      = 64
)

var errNoTwin = errors.New("there is no pair of tickets that a token could belong to")

// sealAlphabet has none of the digits that end a token.
func sealAlphabet() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

func tokenFunctions() []*function {
	types := []any{func(string, string) string { return "" }}
	class := map[int]literalCheck{1: classLiteral}
	return []*function{
		{name: "token", only: onlyIn(outgoing), types: types, literals: class, call: forText("token", 0, sealToken)},
		{name: "reveal", only: onlyIn(incoming), types: types, literals: class, call: forText("reveal", 0, revealTokens)},
	}
}

// classLiteral is written out, so that the other side cannot choose it.
func classLiteral(r *resolver, class string) (any, *Problem) {
	if strings.TrimSpace(class) == "" || len(class) > maxClass {
		return nil, &Problem{Code: CodeLiteral, Message: fmt.Sprintf("the class is a name of up to %d characters, such as \"customer\"", maxClass)}
	}
	if r.kind == incoming {
		r.reveals = append(r.reveals, class)
	}
	return class, nil
}

func sealToken(r *run, t string, a []any) (any, error) {
	switch {
	case t == "":
		return "", nil
	case r.info.TwinID == "":
		return nil, errNoTwin
	case len(t) > maxSealed:
		return nil, fmt.Errorf("%w: token takes texts of up to %d bytes", ErrLimit, maxSealed)
	}
	if err := r.text(4*len(t) + 1024); err != nil {
		return nil, err
	}
	return r.script.seal(t, r.info.TwinID, a[1].(string))
}

func revealTokens(r *run, t string, a []any) (any, error) {
	if r.info.TwinID == "" || indexFold(t, sealStart) < 0 {
		return t, nil
	}
	if err := r.text(2 * len(t)); err != nil {
		return nil, err
	}
	var b strings.Builder
	for {
		at, word, end := nextSealed(t)
		if end == 0 {
			b.WriteString(t)
			return b.String(), nil
		}
		if err := r.use(2*len(word) + 1024); err != nil {
			return nil, err
		}
		if plain, ok := r.script.unseal(word, r.info.TwinID, a[1].(string)); ok {
			b.WriteString(t[:at] + plain)
		} else {
			b.WriteString(t[:end])
		}
		t = t[end:]
	}
}

// nextSealed finds what looks like a token: where it starts and ends, and its middle in
// small letters. end is 0 if there is none.
func nextSealed(t string) (at int, word string, end int) {
	for from := 0; ; {
		start := indexFold(t[from:], sealStart)
		if start < 0 {
			return 0, "", 0
		}
		at = from + start
		first := at + len(sealStart)
		stop := first
		for stop < len(t) && stop-first <= maxSealedWord && sealByte(t[stop]) {
			stop++
		}
		if stop < len(t) && t[stop] == sealEnd && stop > first {
			return at, strings.ToLower(t[first:stop]), stop + 1
		}
		from = first
	}
}

// indexFold finds an ASCII text in small letters, whatever the case of t.
func indexFold(t, part string) int {
	for i := 0; i+len(part) <= len(t); i++ {
		if t[i]|0x20 == part[0] && strings.EqualFold(t[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

func sealByte(c byte) bool { return letterByte(c) || c >= '2' && c <= '7' }

// seal makes the token of a text.
func (s *script) seal(t, twin, class string) (string, error) {
	raw := make([]byte, sealBlock, sealBlock+len(t)+sealBlock)
	raw = append(append(raw, t...), 1)
	raw = append(raw, make([]byte, -len(raw)&(sealBlock-1))...)
	copy(raw, s.proof(raw[sealBlock:], twin, class))
	if err := s.keyStream(raw); err != nil {
		return "", err
	}
	return sealStart + sealAlphabet().EncodeToString(raw) + string(sealEnd), nil
}

// unseal reads the middle of a token, if it was made here for this twin and class.
func (s *script) unseal(word, twin, class string) (string, bool) {
	raw, err := sealAlphabet().DecodeString(word)
	if err != nil || len(raw) < 2*sealBlock || len(raw)%sealBlock != 0 || s.keyStream(raw) != nil {
		return "", false
	}
	text := raw[sealBlock:]
	if !hmac.Equal(raw[:sealBlock], s.proof(text, twin, class)) {
		return "", false
	}
	end := len(text) - 1
	for end > 0 && text[end] == 0 {
		end--
	}
	return string(text[:end]), text[end] == 1
}

// keyStream seals and unseals all behind the proof that raw begins with.
func (s *script) keyStream(raw []byte) error {
	block, err := aes.NewCipher(s.derived("token seal"))
	if err != nil {
		return fmt.Errorf("make the cipher of a token: %w", err)
	}
	cipher.NewCTR(block, raw[:sealBlock]).XORKeyStream(raw[sealBlock:], raw[sealBlock:])
	return nil
}

// proof binds a padded text to a twin and a class; their lengths keep them apart.
func (s *script) proof(text []byte, twin, class string) []byte {
	h := hmac.New(sha256.New, s.derived("token proof"))
	for _, one := range []string{twin, class} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(one)))) //nolint:gosec // both are short
		h.Write([]byte(one))
	}
	h.Write(text)
	return h.Sum(nil)[:sealBlock]
}

// derived is a key of the connection's for one purpose.
func (s *script) derived(purpose string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(purpose))
	return h.Sum(nil)
}
