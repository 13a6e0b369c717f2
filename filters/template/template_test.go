package template_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/filters/template"
)

const head = "version: 1\nvars:\n  label: {required: true, pattern: 'c-[0-9]+'}\n  size: {type: number, default: 20}\n"

func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"template.yaml": head, "outgoing.parley": "a", "incoming.parley": "b", "tables/x.yaml": "pairs: []\n", "notes.txt": "n"} {
		write(t, filepath.Join(dir, "templates", "customer", name), text)
	}
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, dir, text string) *template.Template {
	t.Helper()
	ref, err := template.ParseRef(text)
	if err != nil {
		t.Fatal(err)
	}
	found, err := template.Find(os.DirFS(dir), ref)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestKeep_AVersionStaysAsItWasUsed: whatever becomes of the folder that people edit; a
// kept folder that was changed is refused.
func TestKeep_AVersionStaysAsItWasUsed(t *testing.T) {
	t.Parallel()
	dir := home(t)
	first := find(t, dir, "customer")
	for range 2 {
		if err := template.Keep(dir, first); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "templates/customer/outgoing.parley"), "other")
	again := find(t, dir, "customer@1")
	if text, _ := again.File("outgoing.parley"); text != "a" || !again.Kept || again.Digest != first.Digest {
		t.Errorf("version 1 says %q, %+v", text, again.Ref)
	}
	if err := template.Changed(os.DirFS(dir), again); err == nil || !strings.Contains(err.Error(), "give it version 2") {
		t.Errorf("the edit is not told: %v", err)
	}
	if err := template.Keep(dir, find(t, dir, "customer")); err == nil {
		t.Error("another content is kept under the same version")
	}
	write(t, filepath.Join(dir, filepath.FromSlash(again.Dir), "outgoing.parley"), "slipped in")
	if _, err := template.Find(os.DirFS(dir), again.Ref); err == nil || !strings.Contains(err.Error(), "was changed after it was kept") {
		t.Errorf("a kept folder was changed: %v", err)
	}
}

// TestReadRows_SaysAllMistakesWithLineAndColumn: everything that is wrong, at once.
func TestReadRows_SaysAllMistakesWithLineAndColumn(t *testing.T) {
	t.Parallel()
	tmpl := find(t, home(t), "customer")
	_, mistakes := template.ReadRows(strings.NewReader("name,label,size,colour\na,c-1,x,\nB,,1,\na,c-2,1,\nd,c-3\n\"e\n f\",x,2,\n"), tmpl)
	var got []string
	for _, m := range mistakes {
		got = append(got, fmt.Sprintf("%d:%d %s", m.Line, m.Column, m.Field))
	}
	want := "1:17 , 2:7 size, 3:1 name, 3:3 label, 4:1 name, 5:1 , 6:1 name, 7:5 label"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s\nwant %s\n%v", strings.Join(got, ", "), want, mistakes)
	}
	rows, mistakes := template.ReadRows(strings.NewReader("\ufeffname,label,size\na,c-1,\nb,c-2,3\n"), tmpl)
	if len(mistakes) > 0 || len(rows) != 2 || rows[0].Vars["size"] != 20 || rows[1].Vars["size"] != 3 || len(rows[0].Given) != 1 {
		t.Errorf("got %+v, %v", rows, mistakes)
	}
}
