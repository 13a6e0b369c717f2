package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// access is which of the permission bits of a file are too many.
type access fs.FileMode

const (
	ownerOnly access = 0o077 // our own files
	notOthers access = 0o027 // what an admin hands in: its group may read
	anyone    access = 0o000 // guarded by who made the folder (systemd, containers)
)

// readPrivate reads a file of at most limit bytes that not too many may read.
func readPrivate(name string, tooMany access, limit int64) (data []byte, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// Of the open file, not of the name: it cannot be exchanged in between.
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if bits := access(info.Mode().Perm()) & tooMany; bits != 0 && runtime.GOOS != "windows" {
		return nil, &Problem{
			What:   fmt.Sprintf("%s may be read or changed by others (mode %04o)", name, info.Mode().Perm()),
			Advice: "chmod 600 " + name + ", and think about who may have read it",
		}
	}
	data, err = io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, nil
}

// replace puts data into a file so that a crash leaves the old one or the new one.
func replace(name string, data []byte) error {
	half, err := writeTemporary(name, data)
	if err != nil {
		return err
	}
	if err := os.Rename(half, name); err != nil {
		return errors.Join(err, os.Remove(half))
	}
	return SyncFolder(filepath.Dir(name))
}

// create is replace for a file that must not be there yet.
func create(name string, data []byte) error {
	half, err := writeTemporary(name, data)
	if err != nil {
		return err
	}
	// A link, unlike a rename, fails if the name is taken.
	if err := errors.Join(os.Link(half, name), os.Remove(half)); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(name))
}

// writeTemporary writes data to disk beside name, readable by us only.
func writeTemporary(name string, data []byte) (half string, err error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // 0600
	if err != nil {
		return "", err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// SyncFolder makes a rename last through a power cut.
func SyncFolder(dir string) error {
	if runtime.GOOS == "windows" { // folders cannot be synced there
		return nil
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
