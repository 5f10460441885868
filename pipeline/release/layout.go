package release

import (
	"fmt"
	"path/filepath"
	"regexp"
)

// Names of the files of a release, and of the folder of a workspace that holds releases being made.
const (
	ArrowFile    = "data.arrow"
	ParquetFile  = "data.parquet"
	ManifestFile = "manifest.json"
	StagingName  = ".staging"
)

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// CheckName refuses a dataset or release id that could not be one element of a path: [a-z0-9][a-z0-9_-]{0,62}.
func CheckName(s string) error {
	if !name.MatchString(s) {
		return fmt.Errorf("name %q: want [a-z0-9][a-z0-9_-]{0,62}", s)
	}
	return nil
}

// Folder is where a published release lies. Both names are as [CheckName] wants them.
func Folder(workspace, dataset, id string) string {
	return filepath.Join(workspace, dataset, id)
}

// StagingFolder is where a release lies until it is published.
func StagingFolder(workspace, id string) string {
	return filepath.Join(workspace, StagingName, id)
}
