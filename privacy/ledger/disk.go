package ledger

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// disk is the file system as the ledger uses it. The tests' disk fails, and loses what was not fsynced.
type disk interface {
	Open(name string, flag int) (file, error) // as os.OpenFile; what it creates is 0600
	Mkdir(name string) error                  // 0700, and its parents; one that is there is fine
	Link(old, new string) error               // never replaces
	Rename(old, new string) error             // replaces
	Remove(name string) error
	SyncDir(name string) error
}

// file is an open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Lock(how int) error         // flock(2)
	Mode() (fs.FileMode, error) // type and permissions
	IsAt(name string) bool      // whether name still leads to this file
}

type osDisk struct{}

func (osDisk) Open(name string, flag int) (file, error) {
	f, err := os.OpenFile(name, flag|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) Mkdir(name string) error      { return os.MkdirAll(name, 0o700) }
func (osDisk) Link(old, new string) error   { return os.Link(old, new) }
func (osDisk) Rename(old, new string) error { return os.Rename(old, new) }
func (osDisk) Remove(name string) error     { return os.Remove(name) }

func (osDisk) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type osFile struct{ *os.File }

func (f osFile) Lock(how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func (f osFile) Mode() (fs.FileMode, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

func (f osFile) IsAt(name string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(name)
	return err == nil && os.SameFile(a, b)
}

// writeNew makes a file that was not there, on the disk with its name.
func writeNew(d disk, name string, data []byte) error {
	f, err := d.Open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	n, err := f.WriteAt(data, 0)
	return errors.Join(err, short(n, len(data)), f.Sync(), f.Close(), d.SyncDir(filepath.Dir(name)))
}

// replace renames old to new, in place of what is there, and makes that durable.
func replace(d disk, old, new string) error {
	if err := d.Rename(old, new); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(new))
}

// rewrite gives a file new content: whoever reads it finds the old or the new, also after a crash.
func rewrite(d disk, name string, data []byte) error {
	draft := name + ".draft"
	if err := d.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(d, draft, data); err != nil {
		return err
	}
	return replace(d, draft, name)
}
