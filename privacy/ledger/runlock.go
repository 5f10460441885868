package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// runLock is held by whoever works on a release. The lock is the kernel's, on the open file, and ends with the process;
// the file that is left then means nothing.
type runLock struct {
	f *os.File
}

// lockRun takes the run lock of a release without waiting; [ErrInProgress] if another holder lives.
func lockRun(dir, release string) (*runLock, error) {
	running := filepath.Join(dir, "running")
	if err := os.Mkdir(running, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("make run lock folder: %w", err)
	}
	name := filepath.Join(running, release)
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open run lock: %w", err)
		}
		if err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("release %s: %w", release, ErrInProgress)
			}
			return nil, fmt.Errorf("take run lock: %w", err)
		}
		// The holder before may have removed the name between our open and our lock: then this lock guards nothing.
		if sameFile(f, name) {
			return &runLock{f}, nil
		}
		f.Close()
	}
}

// release removes the file while the lock is still held, then lets go.
func (r *runLock) release() error {
	err := os.Remove(r.f.Name())
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, r.f.Close())
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// sameFile says whether name still leads to the open file f.
func sameFile(f *os.File, name string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(name)
	return err == nil && os.SameFile(a, b)
}
