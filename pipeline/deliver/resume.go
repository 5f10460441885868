package deliver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"lethe/pipeline/release"
	"lethe/privacy/ledger"
)

// Resume finds a release whose RESULT was recorded and whose Publish may not have been. The staged bytes, or the
// published ones, have to be those of files: what is left is Publish. Other published bytes are ErrExists, and where
// neither is there as recorded it is ErrStagedLost. A workspace that is not there, or never had a staging, is neither:
// it may not be mounted.
func Resume(workspace, dataset, id string, files []ledger.File) (*Staged, error) {
	s := &Staged{place: place{workspace: workspace, id: id}, dataset: dataset, files: slices.Clone(files)}
	if err := s.resume(); err != nil {
		return nil, fmt.Errorf("resume release %s: %w", id, err)
	}
	return s, nil
}

func (s *Staged) resume() (err error) {
	if err := release.CheckName(s.dataset); err != nil {
		return err
	}
	if len(s.files) == 0 {
		return fmt.Errorf("no files were recorded: %w", ErrStagedLost)
	}
	root, err := s.place.open()
	if err != nil {
		return err
	}
	defer root.Close()
	published, err := holds(root, path.Join(s.dataset, s.place.id), s.files)
	switch {
	case err == nil && published:
		return nil
	case err == nil:
		return fmt.Errorf("%s: %w", release.Folder(s.place.workspace, s.dataset, s.place.id), ErrExists)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return s.takeStaged(root)
}

// takeStaged holds the staging if it is the recorded one.
func (s *Staged) takeStaged(root *os.Root) error {
	folder := release.StagingFolder(s.place.workspace, s.place.id)
	if _, err := root.Stat(release.StagingName); err != nil { // whoever staged made it, and nobody removes it
		return fmt.Errorf("find the staging area: %w%s", err, hint(err))
	}
	hold, err := s.place.take(root)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: %w", folder, ErrStagedLost)
	}
	if err != nil {
		return err
	}
	same, err := holds(root, s.place.staging(), s.files)
	if err == nil && !same {
		err = fmt.Errorf("%s: %w", folder, ErrStagedLost)
	}
	if err != nil {
		return errors.Join(err, hold.Close())
	}
	s.hold = hold
	return nil
}

// Sweep removes every staging that no live process holds, but for the ids in keep: those whose RESULT is recorded and
// whose Publish is still to come. It removes what a killed [Ready] left.
func Sweep(workspace string, keep ...string) error {
	root, err := os.OpenRoot(workspace)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep workspace %s: %w", workspace, err)
	}
	defer root.Close()
	area, err := lockArea(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep workspace %s: %w", workspace, err)
	}
	defer area.Close()
	entries, err := area.ReadDir(-1)
	if err != nil {
		return fmt.Errorf("sweep workspace %s: %w", workspace, err)
	}
	var failed []error
	for _, e := range entries {
		p := place{workspace: workspace, id: e.Name()}
		switch {
		case e.IsDir() && !slices.Contains(keep, p.id):
			failed = append(failed, p.sweep(root))
		case e.Type().IsRegular() && strings.HasPrefix(p.id, probe):
			root.Remove(p.staging()) // a live run's may go too: it has been written
		}
	}
	return errors.Join(append(failed, area.Sync())...)
}

func (p place) sweep(root *os.Root) error {
	hold, err := p.take(root)
	switch {
	case errors.Is(err, ErrHeld), errors.Is(err, fs.ErrNotExist):
		return nil // in use, or published just now
	case err != nil:
		return err
	}
	defer hold.Close()
	return p.change("remove", p.staging(), func() error { return root.RemoveAll(p.staging()) })
}
