package zendesk

import "testing"

func TestText_APictureOfACommentsOwnFileIsAReference(t *testing.T) {
	t.Parallel()
	const at = "https://acme.zendesk.example/attachments/token/Abc/?name=gauge+one.png"
	c := comment{
		HTML:  `<p>see <img src="` + at + `" alt="The gauge"> and <img src="https://elsewhere.example/x.png" alt="x"></p>`,
		Files: []file{{ID: 1, Name: "gauge one.png", URL: at, Inline: true}},
	}
	want := "see ![The gauge](attachment:gauge%20one.png) and ![x](https://elsewhere.example/x.png)"
	if got := c.toMarkdown(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Files[0].Deleted = true
	if got := c.toMarkdown(); got == want {
		t.Error("a file that was deleted is referred to")
	}
}
