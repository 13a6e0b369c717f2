package desk

import (
	"bytes"
	"html/template"
	"net/url"
	"regexp"
	"slices"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"

	"parley/adapters/richtext"
)

// markdown shows text that anybody may have written, here or at the other side.
type markdown struct {
	converter goldmark.Markdown
	policy    *bluemonday.Policy
}

func newMarkdown() *markdown {
	// The parsers for HTML are left out: a tag in a text is shown as the
	// characters that it is.
	parsers := parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
		),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)
	policy := bluemonday.NewPolicy()
	policy.AllowElements(
		"p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li",
		"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
	)
	// Of the desk's own pages, text leads to files only.
	policy.AllowAttrs("href").Matching(regexp.MustCompile(`^(?:(?i:https?|mailto):|/tickets/[^/?#]+/files/\d+$)`)).OnElements("a")
	policy.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	policy.AllowAttrs("type").Matching(regexp.MustCompile(`^checkbox$`)).OnElements("input")
	policy.AllowAttrs("checked", "disabled").OnElements("input")
	policy.AllowURLSchemes("http", "https", "mailto")
	policy.AllowRelativeURLs(true)
	policy.RequireNoFollowOnLinks(true)
	policy.RequireNoReferrerOnLinks(true)
	policy.AddTargetBlankToFullyQualifiedLinks(true)
	return &markdown{
		converter: goldmark.New(
			goldmark.WithParser(parsers), goldmark.WithExtensions(extension.GFM),
			goldmark.WithRendererOptions(
				html.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(imagesAsLinks{}, 100)),
			),
		),
		policy: policy,
	}
}

// imagesAsLinks shows where an image is: the page loads nothing from elsewhere.
type imagesAsLinks struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (imagesAsLinks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		image, ok := n.(*ast.Image)
		switch {
		case !ok:
		case entering:
			_, _ = w.WriteString(`<a href="`)
			_, _ = w.Write(util.EscapeHTML(util.URLEscape(image.Destination, false)))
			_, _ = w.WriteString(`">`)
		default:
			_, _ = w.WriteString("</a>")
		}
		return ast.WalkContinue, nil
	})
}

// pointed leads what a text refers to of the ticket's own files to them; the newest of a
// name counts. What the ticket does not have stands as words.
func pointed(key string, files []wireFile, text string) string {
	text = richtext.PointAttachments(text, func(name string, _ bool) (string, bool) {
		for _, f := range slices.Backward(files) {
			if f.Name == name {
				return "/tickets/" + url.PathEscape(key) + "/files/" + url.PathEscape(f.ID), true
			}
		}
		return "", false
	})
	return richtext.AttachmentsAsWords(text)
}

// html renders text. What went through the policy is safe to put in a page.
func (m *markdown) html(text string) template.HTML {
	var out bytes.Buffer
	if err := m.converter.Convert([]byte(text), &out); err != nil {
		return template.HTML("<p>" + template.HTMLEscapeString(text) + "</p>")
	}
	return template.HTML(m.policy.SanitizeBytes(out.Bytes()))
}
