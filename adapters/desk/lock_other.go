//go:build !unix

package desk

import "os"

// lockFile does nothing where there is no flock.
func lockFile(*os.File) error { return nil }

func unlockFile(*os.File) error { return nil }
