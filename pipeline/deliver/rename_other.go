//go:build !linux

package deliver

import (
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace moves a folder between two open ones. A folder in its place that is not empty is refused, and a
// release never is empty.
func renameNoReplace(from, to *os.File, name string) error {
	return unix.Renameat(int(from.Fd()), name, int(to.Fd()), name)
}
