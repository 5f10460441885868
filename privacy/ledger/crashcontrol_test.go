package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// breaks are ledgers with one promise broken each: a disk that leaves out, or moves, what the ledger asks for. The tests
// of crashes have to find every one.
var breaks = map[string]func(*process) disk{
	"the log is never fsynced":             withLog(func(_ *process, f file) file { return unsynced{f} }),
	"an fsync comes one record late":       withLog(func(_ *process, f file) file { return &late{f, false} }),
	"the last record is not written again": withLog(func(_ *process, f file) file { return onceOnly{f} }),
	"a torn tail is not cut":               withLog(func(_ *process, f file) file { return uncut{f} }),
	"the log is not locked":                withLog(func(_ *process, f file) file { return neverLocked{f} }),
	"a key is replaced before KEYROTATED":  withLog(func(p *process, f file) file { return hasty{f, p} }),
	"the copy is ahead of the log":         func(p *process) disk { return &ahead{disk: p, p: p} },
	"a run is not locked":                  func(p *process) disk { return openRuns{p} },
	"folders are never fsynced":            func(p *process) disk { return unsyncedFolders{p} },
}

// onLog is a disk on which the log is another kind of file.
type onLog struct {
	*process
	as func(*process, file) file
}

func withLog(as func(*process, file) file) func(*process) disk {
	return func(p *process) disk { return onLog{p, as} }
}

func (d onLog) Open(name string, flag int) (file, error) {
	f, err := d.process.Open(name, flag)
	if err != nil || filepath.Base(name) != logName {
		return f, err
	}
	return d.as(d.process, f), nil
}

// Rename forgives a rename that hasty did already.
func (d onLog) Rename(old, new string) error {
	err := d.process.Rename(old, new)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

type unsynced struct{ file }

func (unsynced) Sync() error { return nil }

// late says that it has synced, and does so before the next write.
type late struct {
	file
	owes bool
}

func (f *late) Sync() error {
	f.owes = true
	return nil
}

func (f *late) WriteAt(p []byte, off int64) (int, error) {
	if f.owes {
		if err := f.file.Sync(); err != nil {
			return 0, err
		}
	}
	return f.file.WriteAt(p, off)
}

// onceOnly does not write what is there already.
type onceOnly struct{ file }

func (f onceOnly) WriteAt(p []byte, off int64) (int, error) {
	had := make([]byte, len(p))
	if n, _ := f.ReadAt(had, off); n == len(p) && bytes.Equal(had, p) {
		return len(p), nil
	}
	return f.file.WriteAt(p, off)
}

type uncut struct{ file }

func (uncut) Truncate(int64) error { return nil }

type neverLocked struct{ file }

func (neverLocked) Lock(int) error { return nil }

// hasty gives a new key its name before the record of it is written.
type hasty struct {
	file
	p *process
}

func (f hasty) WriteAt(p []byte, off int64) (int, error) {
	if bytes.Contains(p, []byte(`"kind":"KEYROTATED"`)) {
		err := f.p.Rename(keyFile+nextSuffix, keyFile)
		if err == nil {
			err = f.p.SyncDir(filepath.Dir(keyFile))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	return f.file.WriteAt(p, off)
}

// ahead fsyncs the log after the copy of its checkpoint, where there is one.
type ahead struct {
	disk
	p       *process
	log     file
	renamed bool
}

func (d *ahead) Open(name string, flag int) (file, error) {
	f, err := d.disk.Open(name, flag)
	if err != nil || filepath.Base(name) != logName {
		return f, err
	}
	d.log = f
	return behind{f, d.p}, nil
}

type behind struct {
	file
	p *process
}

func (f behind) Sync() error {
	for name := range f.p.names {
		if strings.HasSuffix(name, ".checkpoint") {
			return nil
		}
	}
	return f.file.Sync()
}

func (d *ahead) Rename(old, new string) error {
	d.renamed = true
	return d.disk.Rename(old, new)
}

func (d *ahead) SyncDir(name string) error {
	err := d.disk.SyncDir(name)
	if err == nil && d.renamed && d.log != nil {
		d.renamed, err = false, d.log.Sync()
	}
	return err
}

type openRuns struct{ disk }

func (d openRuns) Open(name string, flag int) (file, error) {
	f, err := d.disk.Open(name, flag)
	if err != nil || filepath.Base(filepath.Dir(name)) != "running" {
		return f, err
	}
	return neverLocked{f}, nil
}

type unsyncedFolders struct{ disk }

func (unsyncedFolders) SyncDir(string) error { return nil }
