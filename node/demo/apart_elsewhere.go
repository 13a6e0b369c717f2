//go:build !unix

package demo

import "syscall"

// apart has nothing to set here: the node gets Ctrl-C by itself.
func apart() *syscall.SysProcAttr { return nil }
