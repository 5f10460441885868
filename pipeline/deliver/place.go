package deliver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"lethe/pipeline/release"
)

const (
	fileMode    = 0o640
	folderMode  = 0o750
	stagingMode = 0o700
)

// A failpoint is asked before each change of the disk, and may refuse it. Nil in production.
type failpoint func(change, name string) error

// A place is where one release is on its way through a workspace. Names are relative to the workspace, and no symbolic
// link leads out of it (os.Root).
type place struct {
	workspace string
	id        string
	before    failpoint
}

func (p place) staging() string { return path.Join(release.StagingName, p.id) }

// change does one change of the disk and says in words what failed, where, and what to do.
func (p place) change(what, name string, do func() error) error {
	var err error
	if p.before != nil {
		err = p.before(what, name)
	}
	if err == nil {
		err = do()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w%s", what, filepath.Join(p.workspace, name), err, hint(err))
	}
	return nil
}

func hint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return " (make room on that disk, and run again)"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return " (the job's user has to be able to write in that folder)"
	case errors.Is(err, fs.ErrNotExist):
		return " (is the workspace mounted?)"
	}
	return ""
}

// open opens the workspace, which has to be there: an empty place where a disk is not mounted must not look like a
// workspace that lost its releases.
func (p place) open() (*os.Root, error) {
	if err := release.CheckName(p.id); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(p.workspace)
	if err != nil {
		return nil, fmt.Errorf("open workspace %s: %w%s", p.workspace, err, hint(err))
	}
	return root, nil
}

// found makes the workspace if only its last element is missing.
func (p place) found() error {
	return p.change("make", ".", func() error {
		err := os.Mkdir(p.workspace, folderMode)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		parent, err := os.Open(filepath.Dir(filepath.Clean(p.workspace)))
		if err != nil {
			return err
		}
		defer parent.Close()
		return errors.Join(os.Chmod(p.workspace, folderMode), parent.Sync())
	})
}

// write puts contents in a fresh staging folder and returns the hold on it.
func (p place) write(contents []content, stamp time.Time) (hold *os.File, err error) {
	if err := p.found(); err != nil {
		return nil, err
	}
	root, err := p.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := p.ensure(root, release.StagingName, stagingMode); err != nil {
		return nil, err
	}
	held, err := p.fresh(root)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.RemoveAll(p.staging()), held.Close())
		}
	}()
	for _, c := range contents {
		name := path.Join(p.staging(), c.Name)
		if err := p.change("write", name, func() error { return writeFile(root, name, c.bytes, stamp) }); err != nil {
			return nil, err
		}
	}
	err = p.change("finish", p.staging(), func() error {
		return errors.Join(root.Chtimes(p.staging(), stamp, stamp), held.Sync())
	})
	if err != nil {
		return nil, err
	}
	if err := p.sync(root, release.StagingName); err != nil {
		return nil, err
	}
	return held, nil
}

// fresh removes an older staging of the id and makes a new one, held. The lock on the staging area keeps a Sweep from
// seeing the folder before it is held.
func (p place) fresh(root *os.Root) (*os.File, error) {
	area, err := lockArea(root)
	if err != nil {
		return nil, err
	}
	defer area.Close()
	older, err := p.take(root)
	switch {
	case err == nil:
		defer older.Close()
		if err := p.change("remove", p.staging(), func() error { return root.RemoveAll(p.staging()) }); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	err = p.change("make", p.staging(), func() error {
		if err := root.Mkdir(p.staging(), folderMode); err != nil {
			return err
		}
		return chmodFolder(root, p.staging(), folderMode)
	})
	if err != nil {
		return nil, err
	}
	return p.take(root)
}

// take opens the staging folder and holds it; ErrHeld where another does, fs.ErrNotExist where there is none.
func (p place) take(root *os.Root) (*os.File, error) {
	f, err := root.Open(p.staging())
	if err != nil {
		return nil, err
	}
	if err := lock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrHeld
		}
		return nil, fmt.Errorf("hold %s: %w", filepath.Join(p.workspace, p.staging()), err)
	}
	return f, nil
}

// lockArea locks the staging area while a staging is made, taken or removed. Closing the file lets go.
func lockArea(root *os.Root) (*os.File, error) {
	f, err := root.Open(release.StagingName)
	if err != nil {
		return nil, err
	}
	if err := lock(f, syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the staging area: %w", err)
	}
	return f, nil
}

func lock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
			return err
		}
	}
}

// ensure makes a folder of the workspace unless it is there, durably in either case: who made it may have died since.
func (p place) ensure(root *os.Root, name string, mode fs.FileMode) error {
	return p.change("make", name, func() error {
		err := root.Mkdir(name, mode)
		if err == nil {
			err = chmodFolder(root, name, mode)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return syncFolder(root, ".")
	})
}

// chmodFolder sets the mode against the umask, and keeps the setgid bit that the folder has from its parent.
func chmodFolder(root *os.Root, name string, mode fs.FileMode) error {
	info, err := root.Stat(name)
	if err != nil {
		return err
	}
	return root.Chmod(name, mode|info.Mode()&fs.ModeSetgid)
}

// writeFile makes a file that was not there. Its bytes, mode and time are on disk when it returns.
func writeFile(root *os.Root, name string, b []byte, stamp time.Time) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Chmod(fileMode); err != nil {
		return err
	}
	if err := root.Chtimes(name, stamp, stamp); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

func (p place) sync(root *os.Root, name string) error {
	return p.change("fsync", name, func() error { return syncFolder(root, name) })
}

func syncFolder(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
