package node

import (
	"os"
	"strings"
	"syscall"
)

// homeOf is the home of the store in a folder; what cannot be told is zero.
func homeOf(folder string) home {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return home{}
	}
	var at syscall.Stat_t
	if err := syscall.Stat(folder, &at); err != nil {
		return home{}
	}
	return home{machine: strings.TrimSpace(string(raw)), disk: at.Dev, inode: at.Ino}
}
