package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// runningName is the folder of locks and marks, which mean something to living processes only.
const runningName = "running"

// runLock is held by whoever works on a release. The lock is the kernel's, on the open file, and ends with the process;
// the file that is left then means nothing.
type runLock struct {
	disk disk
	f    file
	name string
}

// lockRun takes the run lock of a release without waiting; [ErrInProgress] if another holder lives.
func lockRun(d disk, dir, release string) (*runLock, error) {
	running := filepath.Join(dir, runningName)
	if err := d.Mkdir(running); err != nil {
		return nil, fmt.Errorf("make run lock folder: %w", err)
	}
	name := filepath.Join(running, release)
	for {
		f, err := d.Open(name, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, fmt.Errorf("open run lock: %w", err)
		}
		if err := f.Lock(syscall.LOCK_EX | syscall.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("release %s: %w", release, ErrInProgress)
			}
			return nil, fmt.Errorf("take run lock: %w", err)
		}
		// The holder before may have removed the name between our open and our lock: then this lock guards nothing.
		if f.IsAt(name) {
			return &runLock{d, f, name}, nil
		}
		f.Close()
	}
}

// release removes the file while the lock is still held, then lets go.
func (r *runLock) release() error {
	err := r.disk.Remove(r.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, r.f.Close())
}
