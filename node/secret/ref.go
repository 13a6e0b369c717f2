package secret

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Ref says where a secret is; it is what a configuration holds in its place.
//
//	${secret:NAME}   in the node's vault
//	${file:PATH}     in a file, without its last line end
//	${env:NAME}      in the environment
//
// The zero Ref is no secret.
type Ref struct{ Kind, Name string }

// Kinds of Ref.
const (
	RefVault = "secret"
	RefFile  = "file"
	RefEnv   = "env"
)

var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseRef reads a Ref. Its errors do not repeat the text: it may be a secret
// that somebody wrote where it does not belong.
func ParseRef(text string) (Ref, error) {
	inner, opened := strings.CutPrefix(text, "${")
	inner, closed := strings.CutSuffix(inner, "}")
	kind, name, split := strings.Cut(inner, ":")
	if !opened || !closed || !split {
		return Ref{}, errors.New("a secret must not be written here; write ${secret:NAME}, ${file:PATH} or ${env:NAME}")
	}
	var valid bool
	switch kind {
	case RefVault:
		valid = namePattern.MatchString(name)
	case RefFile:
		valid = name != "" && !strings.ContainsAny(name, "\x00\n")
	case RefEnv:
		valid = variablePattern.MatchString(name)
	default:
		return Ref{}, errors.New("no such kind of secret; write ${secret:NAME}, ${file:PATH} or ${env:NAME}")
	}
	if !valid {
		return Ref{}, fmt.Errorf("${%s:…} names no secret", kind)
	}
	return Ref{Kind: kind, Name: name}, nil
}

// IsZero tells whether there is no secret.
func (r Ref) IsZero() bool { return r == Ref{} }

// String is what ParseRef reads: the place, never the secret.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return "${" + r.Kind + ":" + r.Name + "}"
}

// MarshalText implements encoding.TextMarshaler; it is String.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it is ParseRef.
func (r *Ref) UnmarshalText(text []byte) error {
	parsed, err := ParseRef(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// Resolver fetches what a Ref points at.
type Resolver struct {
	// Vault of the node; nil has no secrets.
	Vault *Vault
	// Getenv reads the environment.
	Getenv func(string) string
	// Dir is where relative paths start.
	Dir string
}

// Resolve returns the secret. The zero Ref is the empty Value; a Ref whose
// secret is missing or empty is an error.
func (r Resolver) Resolve(ref Ref) (Value, error) {
	switch ref.Kind {
	case "":
		return Value{}, nil
	case RefVault:
		if r.Vault == nil {
			return Value{}, fmt.Errorf("%s: %w", ref, ErrNotFound)
		}
		return r.Vault.Get(ref.Name)
	case RefFile:
		return r.file(ref)
	case RefEnv:
		if text := r.Getenv(ref.Name); text != "" {
			return NewValue(text), nil
		}
		return Value{}, &Problem{
			What: ref.String(), Err: ErrNotFound,
			Advice: "set " + ref.Name + " in the environment that the node is started in",
		}
	}
	return Value{}, fmt.Errorf("%s: no such kind of secret", ref)
}

func (r Resolver) file(ref Ref) (Value, error) {
	name := ref.Name
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.Dir, name)
	}
	tooMany := notOthers
	if r.guarded(name) {
		tooMany = anyone
	}
	return readValue(name, tooMany)
}

// guarded tells whether a file lies where systemd or a container keeps secrets:
// they guard the folder, and the files' own modes are theirs to choose.
func (r Resolver) guarded(name string) bool {
	for _, dir := range []string{r.Getenv("CREDENTIALS_DIRECTORY"), "/run/secrets", "/var/run/secrets"} {
		if dir != "" && strings.HasPrefix(filepath.Clean(name), filepath.Clean(dir)+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// ReadFile reads a secret from a file that others may not read, without its last line end.
func ReadFile(name string) (Value, error) { return readValue(name, notOthers) }

func readValue(name string, tooMany access) (Value, error) {
	text, err := readPrivate(name, tooMany, MaxSecret+2)
	if err != nil {
		return Value{}, fmt.Errorf("read secret: %w", err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) == 0 {
		return Value{}, fmt.Errorf("read secret: %s is empty", name)
	}
	return NewValue(string(text)), nil
}
