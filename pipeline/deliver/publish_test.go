package deliver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lethe/pipeline/release"
	"lethe/privacy/ledger"
)

func mustStage(t *testing.T, workspace string) *Staged {
	t.Helper()
	s, err := stage(sampleOrder(t, workspace), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// published is where the sample goes.
func published(workspace string) string { return release.Folder(workspace, "steps-by-sex", sampleID) }

// whole says whether a folder is a release: the manifest reads, names the data files, and they are as it says.
func whole(folder string) error {
	b, err := os.ReadFile(filepath.Join(folder, release.ManifestFile))
	if err != nil {
		return err
	}
	m, err := release.Parse(b)
	if err != nil {
		return err
	}
	files := []ledger.File{named(release.ManifestFile, b).File}
	for _, f := range m.Files {
		files = append(files, ledger.File(f))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	same, err := holds(root, ".", files)
	if err == nil && !same {
		err = errors.New("not the files of its manifest")
	}
	return err
}

func TestStageAndPublish(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	workspace := filepath.Join(t.TempDir(), "workspace")
	s := mustStage(t, workspace)
	if _, err := os.Stat(published(workspace)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("staged and there already: %v", err)
	}
	if err := s.Publish(); err != nil {
		t.Fatal(err)
	}
	if err := whole(published(workspace)); err != nil {
		t.Error(err)
	}
	names := []string{}
	for _, f := range s.Files() {
		names = append(names, f.Name)
	}
	if want := []string{"data.arrow", "data.parquet", "manifest.json"}; !slices.Equal(names, want) {
		t.Errorf("got files %v, want %v", names, want)
	}
	checkModes(t, workspace, names)
	if left, err := os.ReadDir(filepath.Join(workspace, ".staging")); err != nil || len(left) != 0 {
		t.Errorf("left in the staging area: %v, %v", left, err)
	}
	if err := s.Publish(); err != nil {
		t.Errorf("published again: %v", err)
	}
}

func checkModes(t *testing.T, workspace string, names []string) {
	t.Helper()
	closed := time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	want := map[string]fs.FileMode{
		workspace:                                0o750 | fs.ModeDir,
		filepath.Join(workspace, ".staging"):     0o700 | fs.ModeDir,
		filepath.Join(workspace, "steps-by-sex"): 0o750 | fs.ModeDir,
		published(workspace):                     0o750 | fs.ModeDir,
	}
	stamped := []string{published(workspace)}
	for _, n := range names {
		name := filepath.Join(published(workspace), n)
		want[name], stamped = 0o640, append(stamped, name)
	}
	for name, mode := range want {
		info, err := os.Stat(name)
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: got mode %v, %v, want %v", name, info.Mode(), err, mode)
		}
		if slices.Contains(stamped, name) && !info.ModTime().Equal(closed) {
			t.Errorf("%s: got time %v, want %v", name, info.ModTime(), closed)
		}
	}
}

func TestStageTwiceGivesTheSameBytes(t *testing.T) {
	a, b := mustStage(t, t.TempDir()), mustStage(t, t.TempDir())
	if !slices.Equal(a.Files(), b.Files()) {
		t.Errorf("got %v and %v", a.Files(), b.Files())
	}
}

func TestStageWipesAnOlderStaging(t *testing.T) {
	workspace := t.TempDir()
	older := release.StagingFolder(workspace, sampleID)
	if err := os.MkdirAll(older, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(older, release.ArrowFile), []byte("half"))
	write(t, filepath.Join(older, "other"), []byte("thing"))
	if err := mustStage(t, workspace).Publish(); err != nil {
		t.Fatal(err)
	}
	if err := whole(published(workspace)); err != nil {
		t.Error(err)
	}
}

func TestStageRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*draft)
		want  string
	}{
		"a table that is none":    {func(o *draft) { o.Table.Columns[2].Ints = nil }, "subjects"},
		"no table":                {func(o *draft) { o.Table = nil }, "check table"},
		"a manifest that is none": {func(o *draft) { o.Manifest.Terms = "" }, "no terms"},
		"an id that leads out":    {func(o *draft) { o.Manifest.Release = "../x" }, "release"},
		"a missing parent":        {func(o *draft) { o.Workspace += "/not/there" }, "mounted"},
	} {
		t.Run(name, func(t *testing.T) {
			o := sampleOrder(t, t.TempDir())
			workspace := o.Workspace
			c.spoil(&o)
			if _, err := stage(o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
			if left, err := os.ReadDir(workspace); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

func TestHeldStaging(t *testing.T) {
	workspace := t.TempDir()
	s := mustStage(t, workspace)
	if _, err := stage(sampleOrder(t, workspace), nil); !errors.Is(err, ErrHeld) {
		t.Errorf("stage: got %v, want ErrHeld", err)
	}
	if _, err := Resume(workspace, "steps-by-sex", sampleID, s.Files()); !errors.Is(err, ErrHeld) {
		t.Errorf("resume: got %v, want ErrHeld", err)
	}
	if err := Sweep(workspace); err != nil {
		t.Error(err)
	}
	if err := s.Publish(); err != nil {
		t.Errorf("after a sweep: %v", err)
	}
}

func TestSweep(t *testing.T) {
	if err := Sweep(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("no workspace: %v", err)
	}
	workspace := t.TempDir()
	if err := Sweep(workspace); err != nil {
		t.Errorf("no staging area: %v", err)
	}
	mustStage(t, workspace).Close()
	if err := Sweep(workspace, sampleID); err != nil {
		t.Error(err)
	}
	if err := whole(release.StagingFolder(workspace, sampleID)); err != nil {
		t.Errorf("kept: %v", err)
	}
	if err := Sweep(workspace); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(release.StagingFolder(workspace, sampleID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("swept: %v", err)
	}
}

func TestPublishNextToAnother(t *testing.T) {
	for name, c := range map[string]struct {
		other func(t *testing.T, folder string) // what becomes of the release that is there
		want  error
	}{
		"same bytes":   {func(*testing.T, string) {}, nil},
		"other bytes":  {func(t *testing.T, f string) { flip(t, filepath.Join(f, release.ParquetFile)) }, ErrExists},
		"a file more":  {func(t *testing.T, f string) { write(t, filepath.Join(f, "x"), nil) }, ErrExists},
		"empty folder": {func(t *testing.T, f string) { empty(t, f) }, ErrExists},
	} {
		t.Run(name, func(t *testing.T) {
			workspace := t.TempDir()
			if err := mustStage(t, workspace).Publish(); err != nil {
				t.Fatal(err)
			}
			c.other(t, published(workspace))
			before := listing(t, published(workspace))
			if err := mustStage(t, workspace).Publish(); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if after := listing(t, published(workspace)); after != before {
				t.Errorf("what was there changed: got %s, want %s", after, before)
			}
			_, err := os.Stat(release.StagingFolder(workspace, sampleID))
			if gone := errors.Is(err, fs.ErrNotExist); gone != (c.want == nil) {
				t.Errorf("staging: got %v", err)
			}
		})
	}
}

// flip changes one bit and nothing else.
func flip(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	write(t, name, b)
}

func empty(t *testing.T, folder string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o750)); err != nil {
		t.Fatal(err)
	}
}

func listing(t *testing.T, folder string) string {
	t.Helper()
	var b bytes.Buffer
	err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		return errors.Join(err, json.NewEncoder(&b).Encode(named(name, content).File))
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
