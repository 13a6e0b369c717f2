package richtext

import (
	"net/url"
	"regexp"
	"strings"
)

// attachmentScheme begins an address that means a file of the text's own ticket, by its name: each side of
// a pair of tickets has a copy of its own, at an address of its own.
const attachmentScheme = "attachment:"

// attachmentUnsafe are characters that an address may hold and a text may not: brackets and marks that some
// format reads as its own, and the plus that is a space to some who read addresses.
var attachmentUnsafe = strings.NewReplacer("+", "%2B", "&", "%26", "~", "%7E", "@", "%40", "=", "%3D", ":", "%3A", "$", "%24")

// AttachmentURL is the address of the attachment with a name, as a text has it on its way between trackers.
func AttachmentURL(name string) string { return attachmentScheme + escapeName(name) }

func escapeName(name string) string { return attachmentUnsafe.Replace(url.PathEscape(name)) }

// AttachmentName is the name in an address that AttachmentURL made.
func AttachmentName(address string) (string, bool) {
	rest, ok := strings.CutPrefix(address, attachmentScheme)
	if !ok {
		return "", false
	}
	return unescapeName(rest)
}

func unescapeName(s string) (string, bool) {
	name, err := url.PathUnescape(s)
	if err != nil || strings.TrimSpace(name) == "" || clean(name) != name || strings.ContainsAny(name, "/\\\n\t") {
		return "", false
	}
	return name, true
}

// attachmentWords are a reference to an attachment as words: how it stands where a format, or a tracker that
// has no such file, cannot point at it. Every reader takes it for the reference that it was.
var attachmentWords = regexp.MustCompile(`(!?)\[((?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]\((attachment:[A-Za-z0-9._%-]+)\)`)

func wordsOfAttachment(n Node) string {
	label, sign := n.Text, "!"
	if n.Kind == Link {
		label, sign = plainInlines(n.Children), ""
	}
	return sign + "[" + label + "](" + n.URL + ")"
}

// isAttachment tells whether a link or a picture refers to an attachment.
func isAttachment(n Node) bool {
	_, ok := AttachmentName(n.URL)
	return ok && (n.Kind == Link || n.Kind == Image)
}

// pictureOf is the picture of an attachment, which shows its name where nothing else is said.
func pictureOf(name, words string) Node {
	if words == "" {
		words = name
	}
	return Node{Kind: Image, URL: AttachmentURL(name), Text: words}
}

// pointOut makes references of the words of references.
func pointOut(nodes []Node) []Node {
	var out []Node
	for _, n := range nodes {
		if n.Kind != Text || !strings.Contains(n.Text, attachmentScheme) {
			out = append(out, n)
			continue
		}
		at := 0
		for _, m := range attachmentWords.FindAllStringSubmatchIndex(n.Text, -1) {
			name, ok := AttachmentName(n.Text[m[6]:m[7]])
			if !ok {
				continue
			}
			if m[0] > at {
				out = append(out, Node{Kind: Text, Text: n.Text[at:m[0]]})
			}
			label := n.Text[m[4]:m[5]]
			if m[3] > m[2] {
				out = append(out, pictureOf(name, label))
			} else {
				out = append(out, linkTo(name, label))
			}
			at = m[1]
		}
		if at < len(n.Text) {
			out = append(out, Node{Kind: Text, Text: n.Text[at:]})
		}
	}
	return out
}

func linkTo(name, label string) Node {
	if strings.TrimSpace(label) == "" {
		label = name
	}
	return Node{Kind: Link, URL: AttachmentURL(name), Children: []Node{{Kind: Text, Text: label}}}
}
