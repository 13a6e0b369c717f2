package admin

import (
	"net"

	"golang.org/x/sys/unix"
)

// uidOf is the user at the other end of a unix socket.
func uidOf(c net.Conn) (int, bool) {
	local, ok := c.(*net.UnixConn)
	if !ok {
		return 0, false
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil || failed != nil {
		return 0, false
	}
	return int(cred.Uid), true
}
