package desk

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// journal is the append-only file behind a desk: a first line that names the
// desk, then one entry a line.
type journal struct {
	file *os.File
	id   string
}

type heading struct {
	Format int    `json:"desk"`
	ID     string `json:"id"`
}

const (
	journalName   = "journal.jsonl"
	journalFormat = 1
	maxLine       = 8 << 20
)

// openJournal reads every whole entry and leaves the file ready to append to.
// A last line without its end was being written when the machine stopped:
// nobody was told of it, and it is cut off. Damage before it is an error.
func openJournal(dir string, each func(*entry) error) (*journal, error) {
	path := filepath.Join(dir, journalName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the desk's journal: %w", err)
	}
	j := &journal{file: f}
	if err := j.load(each); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), f.Close())
	}
	return j, nil
}

func (j *journal) load(each func(*entry) error) error {
	if err := lockFile(j.file); err != nil {
		return fmt.Errorf("another desk uses it: %w", err)
	}
	r := bufio.NewReaderSize(j.file, 64<<10)
	var good int64
	for number := 1; ; number++ {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			break // what is left in line has no end
		}
		if err == nil {
			err = j.take(number, line, each)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		good += int64(len(line))
	}
	if err := j.file.Truncate(good); err != nil {
		return fmt.Errorf("cut off an unfinished line: %w", err)
	}
	if _, err := j.file.Seek(good, io.SeekStart); err != nil {
		return fmt.Errorf("go to the end: %w", err)
	}
	if good == 0 {
		return j.begin()
	}
	return nil
}

// readLine returns a line with its end. io.EOF also stands for a line that
// does not end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
		if len(line) > maxLine {
			return nil, errors.New("the line is too long")
		}
	}
}

func (j *journal) take(number int, line []byte, each func(*entry) error) error {
	if number > 1 {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("this is not an entry: %w", err)
		}
		return each(&e)
	}
	var h heading
	if err := json.Unmarshal(line, &h); err != nil || h.Format != journalFormat || h.ID == "" {
		return errors.New("this is not the journal of a desk")
	}
	j.id = h.ID
	return nil
}

func (j *journal) begin() error {
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("name the desk: %w", err)
	}
	j.id = hex.EncodeToString(id)
	line, err := json.Marshal(heading{Format: journalFormat, ID: j.id})
	if err != nil {
		return fmt.Errorf("name the desk: %w", err)
	}
	if err := j.append(append(line, '\n')); err != nil {
		return err
	}
	return syncDir(filepath.Dir(j.file.Name()))
}

// append writes lines and returns once they are on disk.
func (j *journal) append(lines []byte) error {
	if _, err := j.file.Write(lines); err != nil {
		return fmt.Errorf("write the desk's journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync the desk's journal: %w", err)
	}
	return nil
}

func (j *journal) close() error { return errors.Join(unlockFile(j.file), j.file.Close()) }

func encodeEntry(buf *bytes.Buffer, e *entry) error {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return fmt.Errorf("encode an entry: %w", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the desk's folder: %w", err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync the desk's folder: %w", err)
	}
	return nil
}
