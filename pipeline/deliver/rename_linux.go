package deliver

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace moves a folder between two open ones. Where the file system does not know RENAME_NOREPLACE, a plain
// rename is as good: it refuses a folder in its place that is not empty, and a release never is.
func renameNoReplace(from, to *os.File, name string) error {
	err := unix.Renameat2(int(from.Fd()), name, int(to.Fd()), name, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		err = unix.Renameat(int(from.Fd()), name, int(to.Fd()), name)
	}
	return err
}
