package deliver

import (
	"fmt"
	"os"
	"time"

	"lethe/pipeline/release"
)

// room is what Ready asks a disk for: more than the files of most releases.
const room = 1 << 20

// probe begins the names of Ready's files. One that a killed run left is Sweep's to remove.
const probe = "probe-"

// Ready makes the workspace if only its last element is missing, and shows that files can be written to it. A run asks
// before it charges for releases: a charge whose release cannot be staged would be burned.
func Ready(workspace string) error {
	p := place{workspace: workspace, id: fmt.Sprint(probe, os.Getpid())}
	if err := p.found(); err != nil {
		return err
	}
	root, err := p.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := p.ensure(root, release.StagingName, stagingMode); err != nil {
		return err
	}
	defer root.Remove(p.staging())
	return p.change("write", p.staging(), func() error { return writeFile(root, p.staging(), make([]byte, room), time.Now()) })
}
