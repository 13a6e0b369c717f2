//go:build !unix

package admin

import (
	"errors"
	"os"
)

// lockFile has no flock here: without it two nodes could share a folder.
func lockFile(*os.File) error { return errors.New("this system has no flock") }

func unlockFile(*os.File) error { return nil }
