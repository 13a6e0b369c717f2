package secret_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"parley/node/secret"
)

func TestRef_PointsAtVaultFileAndEnvironment(t *testing.T) {
	t.Parallel()
	v, _, _ := open(t)
	set(t, v, "tracker/key", "from vault")
	file := write(t, "pw", "from file\r\n", 0o600)
	r := secret.Resolver{Vault: v, Getenv: env("PW", "from env"), Dir: filepath.Dir(file)}
	for text, want := range map[string]string{
		"${secret:tracker/key}": "from vault", "${file:pw}": "from file", "${file:" + file + "}": "from file", "${env:PW}": "from env",
	} {
		ref, err := secret.ParseRef(text)
		if err != nil {
			t.Fatal(err)
		}
		if ref.String() != text {
			t.Errorf("%s reads back as %s", text, ref)
		}
		if got, err := r.Resolve(ref); err != nil || got.Reveal() != want {
			t.Errorf("%s: got %q, %v", text, got.Reveal(), err)
		}
	}
	if got, err := r.Resolve(secret.Ref{}); err != nil || !got.IsZero() {
		t.Errorf("zero Ref: got %q, %v", got.Reveal(), err)
	}
}

func TestRef_MissingSecretIsAnError(t *testing.T) {
	t.Parallel()
	v, _, _ := open(t)
	empty := write(t, "empty", "\n", 0o600)
	shared := write(t, "shared", text, 0o644)
	r := secret.Resolver{Vault: v, Getenv: env(), Dir: t.TempDir()}
	for _, ref := range []secret.Ref{
		{Kind: "secret", Name: "none"},
		{Kind: "file", Name: "none"},
		{Kind: "env", Name: "NONE"},
		{Kind: "file", Name: empty},
		{Kind: "file", Name: shared},
		{Kind: "file", Name: "."},
		{Kind: "x", Name: "y"},
	} {
		if got, err := r.Resolve(ref); err == nil {
			t.Errorf("%s: got %q, want an error", ref, got.Reveal())
		} else if strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows the secret: %v", ref, err)
		}
	}
	if _, err := (secret.Resolver{Getenv: env()}).Resolve(secret.Ref{Kind: "secret", Name: "a"}); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("no vault: got %v", err)
	}
}

func TestRef_FilesOfAContainerMayHaveAnyMode(t *testing.T) {
	t.Parallel()
	file := write(t, "pw", text, 0o444)
	ref := secret.Ref{Kind: "file", Name: file}
	if _, err := (secret.Resolver{Getenv: env()}).Resolve(ref); err == nil {
		t.Error("a file that all may read was taken")
	}
	r := secret.Resolver{Getenv: env("CREDENTIALS_DIRECTORY", filepath.Dir(file))}
	if got, err := r.Resolve(ref); err != nil || got.Reveal() != text {
		t.Errorf("credential: got %q, %v", got.Reveal(), err)
	}
	// Only what lies in the folder is guarded, not what is named like it.
	r.Getenv = env("CREDENTIALS_DIRECTORY", filepath.Dir(file)[:len(filepath.Dir(file))-1])
	if _, err := r.Resolve(ref); err == nil {
		t.Error("a file beside the folder was taken")
	}
}

func TestRef_ALiteralSecretIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, literal := range []string{
		text, "", "$" + text, "${" + text + "}", "${secret:}", "${secret:A}", "${file:}", "${env:1}", "${env:A B}",
		"${age:" + text + "}", "${" + text + ":x}", "x${env:A}", "${env:A}x",
	} {
		ref, err := secret.ParseRef(literal)
		if err == nil {
			t.Errorf("%q was taken as %#v", literal, ref)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error repeats it: %v", literal, err)
		}
	}
}

func TestReadFile_IsBoundedAndPrivate(t *testing.T) {
	t.Parallel()
	if got, err := secret.ReadFile(write(t, "a", " two words \n", 0o600)); err != nil || got.Reveal() != " two words " {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
	if _, err := secret.ReadFile(write(t, "a", strings.Repeat("x", secret.MaxSecret+3), 0o600)); err == nil {
		t.Error("an endless secret was taken")
	}
	if _, err := secret.ReadFile(write(t, "a", text, 0o604)); err == nil || !strings.Contains(hint(err), "chmod") {
		t.Errorf("shared file: got %v", err)
	}
}

func FuzzParseRef(f *testing.F) {
	for _, seed := range []string{"${secret:a}", "${file:/a b}", "${env:A}", "${env:A}}", "${file:${env:A}}", "secret"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := secret.ParseRef(text)
		if err == nil && ref.String() != text {
			t.Errorf("%q reads back as %q", text, ref)
		}
	})
}
