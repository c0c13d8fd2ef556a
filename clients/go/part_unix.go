// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

//go:build unix && !solaris && !aix

package rasterwire

import (
	"os"
	"syscall"
)

const locksFiles = true

// lockedPart returns a part that no other program writes, or nil.
func lockedPart(path string) *os.File {
	if info, err := os.Lstat(path); err == nil && info.Size() > 0 {
		if _, err := os.Stat(path + ".json"); err != nil {
			return nil // a file of somebody else
		}
	}
	// not through a link that somebody laid there
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o666)
	if err != nil {
		return nil
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		open, err := file.Stat()
		named, other := os.Lstat(path)
		if err == nil && other == nil && os.SameFile(open, named) {
			return file
		}
	}
	_ = file.Close()
	return nil
}
