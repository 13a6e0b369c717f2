package desk

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMarkdown_ShowsTextAndNeverRunsIt(t *testing.T) {
	t.Parallel()
	m := newMarkdown()
	for _, tt := range []struct{ name, in, want string }{
		{"emphasis", "**a** *b* ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <del>c</del> <code>d</code></p>\n"},
		{"lines", "a\nb", "<p>a<br>\nb</p>\n"},
		{"script", "<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"},
		{"attribute", "x <b onclick=go()>y</b>", "<p>x &lt;b onclick=go()&gt;y&lt;/b&gt;</p>\n"},
		{"script link", "[a](javascript:alert(1))", "<p>a</p>\n"},
		{"link into the desk", "[a](/sign-in?person=2) [b](//evil.example) [c](/tickets/X/files/../../sign-in)", "<p>a b c</p>\n"},
		{"data link", "[a](data:text/html,hi)", "<p>a</p>\n"},
		{
			"link", "[a](https://example.org/?a=b)",
			`<p><a href="https://example.org/?a=b" rel="nofollow noreferrer noopener" target="_blank">a</a></p>` + "\n",
		},
		{
			"image", "![plan](https://example.org/a.png)",
			`<p><a href="https://example.org/a.png" rel="nofollow noreferrer noopener" target="_blank">plan</a></p>` + "\n",
		},
		{"image that runs", "![plan](javascript:alert(1))", "<p>plan</p>\n"},
		{"image that breaks out", `![plan](<https://e.org/"onerror="x>)`, `<p><a href="https://e.org/%22onerror=%22x" rel="nofollow noreferrer noopener" target="_blank">plan</a></p>` + "\n"},
		{"code", "```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(string(m.html(tt.in)), tt.want); d != "" {
				t.Errorf("-got +want:\n%s", d)
			}
		})
	}
}

func FuzzMarkdown_LeavesNothingThatRuns(f *testing.F) {
	m := newMarkdown()
	for _, s := range []string{"<img src=x onerror=y>", "[a](j\navascript:x)", "<https://a\"onclick=b>", "|a|\n|-|\n|<svg onload=x>|", "&#x6a;avascript:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := strings.ToLower(string(m.html(in)))
		for _, bad := range []string{"<script", "<img", "<svg", "<iframe", "<style", "<form", "href=\"javascript:", "href=\"data:"} {
			if strings.Contains(out, bad) {
				t.Errorf("%q became %q", in, out)
			}
		}
	})
}

func TestMarkdown_LeadsToTheTicketsOwnFiles(t *testing.T) {
	t.Parallel()
	files := []wireFile{{file: file{ID: "3", Name: "gauge.png"}}, {file: file{ID: "7", Name: "gauge.png"}}, {file: file{ID: "8", Name: "pump log.txt"}}}
	m := newMarkdown()
	for in, want := range map[string]string{
		"![Gauge](attachment:gauge.png)":     `<a href="/tickets/DESK-1/files/7" rel="nofollow noreferrer">Gauge</a>`,
		"[log](attachment:pump%20log.txt)":   `<a href="/tickets/DESK-1/files/8" rel="nofollow noreferrer">log</a>`,
		"![Gauge](attachment:elsewhere.png)": "![Gauge](attachment:elsewhere.png)",
	} {
		if got := string(m.html(pointed("DESK-1", files, in))); got != "<p>"+want+"</p>\n" {
			t.Errorf("%q became %q, want %q in it", in, got, want)
		}
	}
}
