package desk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errTooLarge = errors.New("the file is too large")

const filesName = "files"

// storeFile takes bytes in: to a temporary file, to disk, then under their
// digest. Equal bytes are stored once.
func (s *Server) storeFile(r io.Reader) (digest string, size int64, err error) {
	dir := filepath.Join(s.dir, filesName)
	tmp, err := os.CreateTemp(dir, "incoming-*")
	if err != nil {
		return "", 0, fmt.Errorf("store a file: %w", err)
	}
	defer func() {
		// After the rename both fail, which is fine.
		_ = tmp.Close()
		_ = os.Remove(tmp.Name())
	}()
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(tmp, hash), io.LimitReader(r, s.options.MaxAttachment+1))
	if err != nil {
		return "", 0, fmt.Errorf("store a file: %w", err)
	}
	if size > s.options.MaxAttachment {
		return "", 0, errTooLarge
	}
	digest = hex.EncodeToString(hash.Sum(nil))
	if err := tmp.Sync(); err != nil {
		return "", 0, fmt.Errorf("store a file: %w", err)
	}
	if err := tmp.Close(); err != nil {
		return "", 0, fmt.Errorf("store a file: %w", err)
	}
	if err := os.Rename(tmp.Name(), filepath.Join(dir, digest)); err != nil {
		return "", 0, fmt.Errorf("store a file: %w", err)
	}
	return digest, size, syncDir(dir)
}

func (s *Server) openFile(digest string) (*os.File, error) {
	f, err := os.Open(filepath.Join(s.dir, filesName, digest))
	if err != nil {
		return nil, fmt.Errorf("open a stored file: %w", err)
	}
	return f, nil
}

// cleanName makes a file name safe to show and to save under: its last part,
// without control characters.
func cleanName(name string) (string, error) {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, name))
	if name == "" || name == "." || name == ".." || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 200 {
		return "", invalidf("a file needs a name of at most 200 characters")
	}
	return name, nil
}
