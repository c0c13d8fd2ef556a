// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

//go:build !unix || solaris || aix

package rasterwire

import "os"

const locksFiles = false

// lockedPart returns nil: without locks, every program writes a part of its own.
func lockedPart(string) *os.File { return nil }
