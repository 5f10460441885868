package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"lethe/pipeline/release"
	"lethe/privacy/ledger"
)

// Publish moves the staging to workspace/<dataset>/<id> in one step, and returns once that is on disk. It may be called
// again, also by another process after Resume. Where the release is there already with the same bytes, it removes the
// staging; other bytes are ErrExists. After success the staging is let go.
func (s *Staged) Publish() error {
	if err := s.publish(); err != nil {
		return fmt.Errorf("publish release %s: %w", s.place.id, err)
	}
	return s.Close()
}

func (s *Staged) publish() error {
	p := s.place
	root, err := p.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := p.ensure(root, s.dataset, folderMode); err != nil {
		return err
	}
	target := path.Join(s.dataset, p.id)
	err = p.change("rename to", target, func() error { return rename(root, release.StagingName, s.dataset, p.id) })
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, fs.ErrNotExist):
		if err := s.alreadyThere(root, target, err); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	// Also when it was there before: whoever put it there may have died before this.
	return errors.Join(p.sync(root, s.dataset), p.sync(root, release.StagingName))
}

// alreadyThere is the rename that could not be: the release is there, or the staging is not.
func (s *Staged) alreadyThere(root *os.Root, target string, renaming error) error {
	same, err := holds(root, target, s.files)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrStagedLost, renaming)
	case err != nil:
		return fmt.Errorf("read what is published: %w", err)
	case !same:
		return fmt.Errorf("%s: %w", target, ErrExists)
	}
	staging := s.place.staging()
	return s.place.change("remove", staging, func() error { return root.RemoveAll(staging) })
}

// rename moves one name from a folder to another, never in place of something.
func rename(root *os.Root, from, to, name string) error {
	source, err := root.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := root.Open(to)
	if err != nil {
		return err
	}
	defer target.Close()
	return renameNoReplace(source, target, name)
}

// holds says whether a folder holds exactly these files, with these bytes. A missing folder is fs.ErrNotExist.
func holds(root *os.Root, folder string, files []ledger.File) (bool, error) {
	dir, err := root.OpenRoot(folder)
	if err != nil {
		return false, err
	}
	defer dir.Close()
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return false, err
	}
	if len(entries) != len(files) {
		return false, nil
	}
	for _, want := range files {
		same, err := isFile(dir, want)
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func isFile(dir *os.Root, want ledger.File) (bool, error) {
	info, err := dir.Lstat(want.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular() || info.Size() != want.Size:
		return false, nil
	}
	f, err := dir.Open(want.Name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == want.SHA256, nil
}
