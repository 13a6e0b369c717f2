package demo

import "syscall"

// apart keeps Ctrl-C at the terminal from the node, which is told to end in its
// turn, and ends the node when this process is killed.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
