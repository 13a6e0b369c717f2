// Package richtext converts formatted text between Markdown, Textile, HTML,
// Atlassian documents (ADF), Jira's wiki text and plain text through one document
// tree.
//
// Every reader turns its format into a Doc, every writer turns a Doc into its
// format; nothing converts from format to format directly.
//
// # Promises
//
//   - What a reader does not understand is kept as text, what a format cannot
//     say is written as text: words are never lost.
//   - Writing what was read is stable after one pass: f(f(x)) = f(x), within a
//     format and on the way through another and back. Marks without a space
//     between them and an address may need a second pass.
//   - HTML output escapes everything and links to nothing but http, https,
//     ftp and mailto addresses.
//   - No reader and no writer lets a link, a picture or a tag lead to a dangerous
//     address (javascript:, data:, any scheme but those four): the words stay, the
//     address stands behind them as code.
//   - What turns the direction of writing round, and words in letters without a shape, are
//     shown as words; no direction of writing reaches beyond its line.
//   - No input panics, and work is bounded: what is longer than 256 KiB or
//     nested deeper than 16 levels is kept as plain text.
//
// # What it does not do
//
// Layout that carries no words (alignment, colours, widths, classes) is
// dropped, as are scripts, styles, comments and titles of elements in HTML, and
// cells to the right of a Markdown table's header, which GFM does not show. Of panels,
// mentions, cards and files of an Atlassian document the words stay; what is not known
// stands in brackets. A picture or a link that means an attachment of the text's own
// ticket refers to it by name ("attachment:NAME", see AttachmentURL), in every format:
// where that cannot point, as words that every reader takes for the reference. What
// survives between which formats stands in docs/adapters/text.md. A single newline inside a
// paragraph is a line break in every format, as trackers show it. HTML inside
// Markdown is kept as it stands for Markdown if a sanitiser takes nothing from it, and
// shown as text elsewhere: whoever shows Markdown in a browser must sanitise it.
//
// # Where the rules come from
//
// Markdown is CommonMark (spec.commonmark.org) with the tables, task lists and
// strikethrough of GitHub (github.github.com/gfm). Textile is what Redmine makes of
// it (RedmineWikiFormattingTextile in Redmine's wiki), not all of textile-lang.com.
// Where two readings are possible, the one wins that gives back what our own writers
// wrote: a text that changed with each crossing would go to and fro for ever.
package richtext
