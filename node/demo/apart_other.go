//go:build unix && !linux

package demo

import "syscall"

// apart keeps Ctrl-C at the terminal from the node, which is told to end in its
// turn.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
