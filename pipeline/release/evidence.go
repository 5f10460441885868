package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"lethe/privacy/ledger"
)

// Delivered is a release that lies in a workspace, by its manifest.
type Delivered struct {
	Manifest Manifest
	File     ledger.File // the manifest's
	Path     string      // the manifest's
}

// Workspace reads the manifest of every release that lies in a workspace, in the order of datasets and ids. Folders
// that hold no manifest are none of ours. One that cannot be read, or that lies in another release's place, is an error:
// what it says of the ledger is not known. A workspace that is not there holds nothing.
func Workspace(folder string) ([]Delivered, error) {
	root, err := os.OpenRoot(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	defer root.Close()
	found, err := fs.Glob(root.FS(), "*/*/"+ManifestFile)
	if err != nil {
		return nil, fmt.Errorf("list workspace %s: %w", folder, err)
	}
	var out []Delivered
	var problems []error
	for _, name := range found {
		if path.Dir(path.Dir(name)) == StagingName {
			continue
		}
		d, err := delivered(root, folder, name)
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			problems = append(problems, fmt.Errorf("%s is not a manifest as it was delivered, so that what it shows of the ledger is not known: %s; bring it back as it was",
				path.Join(folder, name), first))
			continue
		}
		out = append(out, d)
	}
	return out, errors.Join(problems...)
}

func delivered(root *os.Root, folder, name string) (Delivered, error) {
	text, err := root.ReadFile(name)
	if err != nil {
		return Delivered{}, err
	}
	m, err := Parse(text)
	if err != nil {
		return Delivered{}, err
	}
	if path.Join(m.Dataset, m.Release, ManifestFile) != name {
		return Delivered{}, errors.New("it is the manifest of another release")
	}
	sum := sha256.Sum256(text)
	file := ledger.File{Name: ManifestFile, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
	return Delivered{m, file, path.Join(folder, name)}, nil
}

// Evidence is what the release shows of the ledger: that it held the charge, and a result with these files.
func (d Delivered) Evidence() (ledger.Evidence, error) {
	c, err := d.Manifest.Charge.Checkpoint()
	if err != nil {
		return ledger.Evidence{}, fmt.Errorf("%s: %w", d.Path, err)
	}
	files := []ledger.File{d.File}
	for _, f := range d.Manifest.Files {
		files = append(files, ledger.File(f))
	}
	return ledger.Evidence{Seen: d.Path, Note: c.Note, Release: d.Manifest.Release, Files: files}, nil
}
