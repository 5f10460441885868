package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"lethe/pipeline/release"
	"lethe/privacy/ledger"
)

// changes is every change of the disk that one delivery makes, in order.
var changes = []string{
	"make .",
	"make .staging",
	"make .staging/" + sampleID,
	"write .staging/" + sampleID + "/data.arrow",
	"write .staging/" + sampleID + "/data.parquet",
	"write .staging/" + sampleID + "/manifest.json",
	"finish .staging/" + sampleID,
	"fsync .staging",
	"make steps-by-sex",
	"rename to steps-by-sex/" + sampleID,
	"fsync steps-by-sex",
	"fsync .staging",
}

// staged is how many of them are Stage's.
const staged = 8

func TestOrderOfChanges(t *testing.T) {
	var got []string
	s, err := stage(sampleOrder(t, t.TempDir()), func(change, name string) error {
		got = append(got, change+" "+name)
		return nil
	})
	if err == nil {
		err = s.Publish()
	}
	if err != nil || !slices.Equal(got, changes) {
		t.Errorf("got %v, error %v", got, err)
	}
}

// TestFullDisk refuses each change in turn, then lets them pass.
func TestFullDisk(t *testing.T) {
	for i, change := range changes {
		t.Run(change, func(t *testing.T) {
			workspace := filepath.Join(t.TempDir(), "workspace")
			seen := -1
			full := func(string, string) error {
				if seen++; seen == i {
					return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
				}
				return nil
			}
			s, err := stage(sampleOrder(t, workspace), full)
			if (err != nil) != (i < staged) {
				t.Fatalf("stage: got %v", err)
			}
			if i < staged {
				left, _ := filepath.Glob(filepath.Join(workspace, ".staging", "*"))
				if len(left) != 0 {
					t.Errorf("left staged: %v", left)
				}
				s = mustStage(t, workspace)
			} else {
				err = s.Publish()
			}
			if err == nil || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), workspace) || !strings.Contains(err.Error(), "make room") {
				t.Errorf("got error %v, want one that names the folder and what to do", err)
			}
			if err := whole(published(workspace)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("published half: %v", err)
			}
			if err := s.Publish(); err != nil {
				t.Errorf("with room again: %v", err)
			}
			if err := whole(published(workspace)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSmallDisk fills a real one.
func TestSmallDisk(t *testing.T) {
	workspace := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", workspace).Run(); err != nil {
		t.Skip("cannot mount a small disk here")
	}
	defer exec.Command("umount", workspace).Run()
	o := sampleOrder(t, workspace)
	o.Table = sampleTable(5000, true)
	_, err := stage(o, nil)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), workspace) {
		t.Errorf("got error %v, want one that says the disk under %s is full", err, workspace)
	}
	if left, _ := filepath.Glob(filepath.Join(workspace, "*", "*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if err := mustStage(t, workspace).Publish(); err != nil {
		t.Errorf("a release that has room: %v", err)
	}
}

func TestPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	workspace := t.TempDir()
	if err := os.Chmod(workspace, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := stage(sampleOrder(t, workspace), nil)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), workspace) {
		t.Errorf("got error %v, want one that names %s", err, workspace)
	}
}

// The child of TestKill finds here which change to die before.
const killAt = "LETHE_TEST_KILL_AT"

func TestMain(m *testing.M) {
	if at := os.Getenv(killAt); at != "" {
		deliverAndDie(at)
	}
	os.Exit(m.Run())
}

// deliverAndDie delivers the sample into ./workspace and kills itself before one change. Between Stage and Publish it
// writes down what the ledger would.
func deliverAndDie(at string) {
	left, err := strconv.Atoi(at)
	if err != nil {
		panic(err)
	}
	t := &testing.T{}
	s, err := stage(sampleOrder(t, "workspace"), func(string, string) error {
		if left--; left < 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	record, err := json.Marshal(s.Files())
	if err == nil {
		err = os.WriteFile("result", record, 0o600)
	}
	if err == nil {
		err = s.Publish()
	}
	if err != nil {
		panic(err)
	}
	os.Exit(0)
}

// TestKill kills a delivery before each change of the disk. What is published is whole or not there, and the next
// process finishes: from the staged bytes after RESULT, anew before it.
func TestKill(t *testing.T) {
	for i, change := range append(slices.Clone(changes), "the end") {
		t.Run(change, func(t *testing.T) {
			dir := t.TempDir()
			child := exec.Command(os.Args[0])
			child.Dir, child.Env = dir, append(os.Environ(), fmt.Sprint(killAt, "=", i))
			out, err := child.CombinedOutput()
			if killed := strings.Contains(fmt.Sprint(err), "killed"); killed != (i < len(changes)) {
				t.Fatalf("child: %v\n%s", err, out)
			}
			workspace := filepath.Join(dir, "workspace")
			if err := whole(published(workspace)); (err == nil) != (i > staged+1) || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("published: %v", err)
			}
			recoverRelease(t, dir, workspace)
			if err := whole(published(workspace)); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(filepath.Join(workspace, ".staging", "*")); len(left) != 0 {
				t.Errorf("left staged: %v", left)
			}
		})
	}
}

func recoverRelease(t *testing.T, dir, workspace string) {
	t.Helper()
	record, err := os.ReadFile(filepath.Join(dir, "result"))
	if errors.Is(err, fs.ErrNotExist) {
		if err := Sweep(workspace); err != nil {
			t.Fatal(err)
		}
		if err := mustStage(t, workspace).Publish(); err != nil {
			t.Fatal(err)
		}
		return
	}
	var files []ledger.File
	if err := json.Unmarshal(record, &files); err != nil {
		t.Fatal(err)
	}
	s, err := Resume(workspace, "steps-by-sex", sampleID, files)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(); err != nil {
		t.Fatal(err)
	}
}

func TestResume(t *testing.T) {
	file := func(workspace string) string {
		return filepath.Join(release.StagingFolder(workspace, sampleID), release.ArrowFile)
	}
	for name, c := range map[string]struct {
		happens func(t *testing.T, s *Staged, workspace string) error
		want    error
	}{
		"staged":           {func(*testing.T, *Staged, string) error { return nil }, nil},
		"published":        {func(_ *testing.T, s *Staged, _ string) error { return s.Publish() }, nil},
		"a bit flipped":    {func(t *testing.T, _ *Staged, w string) error { flip(t, file(w)); return nil }, ErrStagedLost},
		"a file cut":       {func(_ *testing.T, _ *Staged, w string) error { return os.Truncate(file(w), 100) }, ErrStagedLost},
		"a file gone":      {func(_ *testing.T, _ *Staged, w string) error { return os.Remove(file(w)) }, ErrStagedLost},
		"a file more":      {func(t *testing.T, _ *Staged, w string) error { write(t, file(w)+".x", nil); return nil }, ErrStagedLost},
		"a link instead":   {func(_ *testing.T, _ *Staged, w string) error { return link(file(w)) }, ErrStagedLost},
		"a folder instead": {func(_ *testing.T, _ *Staged, w string) error { return folderInstead(file(w)) }, ErrStagedLost},
		"staging gone":     {func(_ *testing.T, _ *Staged, w string) error { return os.RemoveAll(filepath.Dir(file(w))) }, ErrStagedLost},
		"no record":        {func(_ *testing.T, s *Staged, _ string) error { s.files = nil; return nil }, ErrStagedLost},
		"published and changed": {func(t *testing.T, s *Staged, w string) error {
			err := s.Publish()
			flip(t, filepath.Join(published(w), release.ArrowFile))
			return err
		}, ErrExists},
		"disk not mounted": {func(_ *testing.T, _ *Staged, w string) error { return os.Rename(w, w+".away") }, fs.ErrNotExist},
		"empty mount point": {func(_ *testing.T, _ *Staged, w string) error {
			return errors.Join(os.Rename(w, w+".away"), os.Mkdir(w, 0o750))
		}, fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			workspace := filepath.Join(t.TempDir(), "workspace")
			s := mustStage(t, workspace)
			if err := c.happens(t, s, workspace); err != nil {
				t.Fatal(err)
			}
			s.Close() // its process died
			r, err := Resume(workspace, "steps-by-sex", sampleID, s.files)
			if !errors.Is(err, c.want) || c.want == fs.ErrNotExist && errors.Is(err, ErrStagedLost) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			if err := r.Publish(); err != nil {
				t.Error(err)
			}
			if err := whole(published(workspace)); err != nil {
				t.Error(err)
			}
		})
	}
}

// link puts a symbolic link to the same bytes elsewhere in place of a file.
func link(name string) error {
	elsewhere := filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(name))), "elsewhere")
	return errors.Join(os.Rename(name, elsewhere), os.Symlink(elsewhere, name))
}

func folderInstead(name string) error {
	return errors.Join(os.Remove(name), os.Mkdir(name, 0o750))
}
