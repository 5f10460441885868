package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"lethe/jobs/door"
	"lethe/pipeline/release"
	"lethe/privacy/budget"
	"lethe/privacy/ledger"
)

// releases is the last check: what lies in the workspace is what the ledger
// says was published, and all of it.
func (a *audit) releases() check {
	c := newCheck("releases")
	root, err := os.OpenRoot(a.workspace)
	if errors.Is(err, fs.ErrNotExist) {
		c.Looked = fmt.Sprintf("workspace %s, which is not there", a.workspace)
		if n := len(a.published()); n > 0 {
			c.find(missing, fmt.Sprintf("there is no workspace %s, and the ledger has %s: name the one they lie in with --workspace",
				a.workspace, door.Count(n, "published release")))
		}
		return c
	}
	if err != nil {
		c.find(unreadable, fmt.Sprintf("workspace %s: %v", a.workspace, err))
		c.Looked = "workspace " + a.workspace
		return c
	}
	defer root.Close()
	for _, problem := range eachOf(a.lying) {
		c.find(unreadable, problem.Error())
	}
	lying := map[string]bool{}
	a.convert(a.there)
	for _, d := range a.there {
		lying[d.Manifest.Release] = true
		c.add(a.onDisk(root, d)...)
		if a.readable() {
			c.add(a.onRecord(d)...)
		}
	}
	c.Looked = fmt.Sprintf("%s in %s, their files, proofs, charges, draws and results", door.Count(len(a.there), "release"), a.workspace)
	if !a.readable() {
		c.Looked = fmt.Sprintf("%s in %s, their files only: the ledger cannot be read to its end", door.Count(len(a.there), "release"), a.workspace)
		return c
	}
	for _, l := range a.published() {
		if !lying[l.charge.Release] {
			c.add(a.gone(root, l)...)
		}
	}
	a.noteStates(&c, lying)
	return c
}

// convert remembers at which δ the newest release of each population states ε.
func (a *audit) convert(there []release.Delivered) {
	newest := map[string]int64{}
	for _, d := range there {
		m := d.Manifest
		if a.own != nil && m.Charge.Genesis == a.own.genesis && m.Charge.Seq > newest[m.Population] && m.ToDate.At >= m.ToDate.Delta {
			newest[m.Population] = m.Charge.Seq
			a.conversion[m.Population] = budget.Delta(m.ToDate.At - m.ToDate.Delta)
		}
	}
}

// readable says whether the recount knows every record.
func (a *audit) readable() bool { return a.own != nil && a.own.broken == nil }

// published are the releases that should lie in a workspace.
func (a *audit) published() (out []*life) {
	if !a.readable() {
		return nil
	}
	for _, l := range a.own.order {
		if l.state == "PUBLISHED" {
			out = append(out, l)
		}
	}
	return out
}

// noteStates says what became of the charges that no release lies there for, and
// which lie there too early.
func (a *audit) noteStates(c *check, lying map[string]bool) {
	count := map[string]int{}
	for _, l := range a.own.order {
		switch {
		case !lying[l.charge.Release]:
			count[l.state]++
		case l.state == "RESULT":
			count["placed"]++
		}
	}
	for _, s := range []struct{ state, means string }{
		{"CHARGE", "charged and not drawn from: a run goes on with it"},
		{"DRAW", "drawn from and not finished: the next run burns it"},
		{"RESULT", "staged and not published: the next run publishes it"},
		{"placed", "lying here and not yet recorded as published: the next run records it"},
		{"BURNED", "burned: charged for, and published never"},
		{"WITHDRAW", "withdrawn, and gone from here"},
	} {
		if n := count[s.state]; n > 0 {
			c.note(fmt.Sprintf("%s %s", door.Count(n, "release"), s.means))
		}
	}
}

// eachOf takes a joined error apart.
func eachOf(err error) []error {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// gone says of a published release that no manifest was read for what lies in
// its place. It may have been put there since.
func (a *audit) gone(root *os.Root, l *life) []finding {
	r := l.charge
	place := path.Join(r.Dataset, r.Release)
	manifest := path.Join(place, release.ManifestFile)
	find := func(kind, format string, args ...any) []finding {
		return []finding{{kind, r.Release, fmt.Sprintf(format, args...)}}
	}
	info, err := root.Lstat(manifest)
	if err != nil {
		if _, err := root.Lstat(place); err == nil {
			return find(missing, "%s is missing, and its folder is there without it", a.at(manifest))
		}
		return find(missing, "%s is missing: it was published in record %d, and not withdrawn", a.at(place), l.published)
	}
	have, err := fileOf(root, manifest, info)
	switch {
	case err != nil:
		return find(unreadable, "%s: %v", a.at(manifest), err)
	case !slices.Contains(l.files, have):
		return find(changed, "%s is not the manifest that RESULT, record %d, has", a.at(manifest), l.resulted)
	case a.lying != nil:
		return find(unreadable, "%s could not be read as a manifest", a.at(manifest))
	}
	return nil
}

var errNotRegular = errors.New("it is not a regular file")

// at is a place in the workspace, for people.
func (a *audit) at(name string) string { return filepath.ToSlash(filepath.Join(a.workspace, name)) }

// fileOf reads a file and says what RESULT would say of it.
func fileOf(root *os.Root, name string, info fs.FileInfo) (fileBody, error) {
	if !info.Mode().IsRegular() {
		return fileBody{}, errNotRegular
	}
	f, err := root.Open(name)
	if err != nil {
		return fileBody{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return fileBody{}, err
	}
	return fileBody{path.Base(name), n, hex.EncodeToString(sum.Sum(nil))}, nil
}

// onDisk holds the bytes of a release's folder against its manifest.
func (a *audit) onDisk(root *os.Root, d release.Delivered) (out []finding) {
	id, place := d.Manifest.Release, path.Join(d.Manifest.Dataset, d.Manifest.Release)
	find := func(kind, format string, args ...any) {
		out = append(out, finding{kind, id, fmt.Sprintf(format, args...)})
	}
	named := map[string]bool{release.ManifestFile: true}
	for _, f := range d.Manifest.Files {
		name := path.Join(place, f.Name)
		named[f.Name] = true
		info, err := root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			find(missing, "%s is missing", a.at(name))
			continue
		}
		if err == nil {
			var have fileBody
			if have, err = fileOf(root, name, info); err == nil && have != fileBody(f) {
				find(changed, "%s is not the file that its manifest names: it has %d bytes and SHA-256 %s", a.at(name), have.Size, have.SHA256)
			}
		}
		switch {
		case errors.Is(err, errNotRegular):
			find(changed, "%s is not the file that its manifest names: %v", a.at(name), err)
		case err != nil:
			find(unreadable, "%s: %v", a.at(name), err)
		}
	}
	entries, err := fs.ReadDir(root.FS(), place)
	if err != nil {
		find(unreadable, "%s: %v", a.at(place), err)
	}
	for _, e := range entries {
		if !named[e.Name()] {
			find(unrecorded, "%s lies beside the release, and its manifest does not name it", a.at(path.Join(place, e.Name())))
		}
	}
	return out
}

// onRecord holds a manifest against the records that it stands on: the charge
// that it names, one draw, one result with these files.
func (a *audit) onRecord(d release.Delivered) (out []finding) {
	m := d.Manifest
	find := func(kind, format string, args ...any) {
		out = append(out, finding{kind, m.Release, filepath.ToSlash(d.Path) + ": " + fmt.Sprintf(format, args...)})
	}
	if m.Charge.Genesis != a.own.genesis {
		find(otherLedger, "it was charged to the ledger with genesis %s: nothing here paid for it", m.Charge.Genesis)
		return out
	}
	if kind, what := a.shown(m.Charge); kind != "" {
		find(kind, "%s", what)
	}
	l := a.own.releases[m.Release]
	if l == nil {
		if len(out) == 0 {
			find(untrue, "record %d, which it names for its charge, is not a charge for this release", m.Charge.Seq)
		}
		return out
	}
	out = append(out, a.steps(d, l)...)
	for _, problem := range a.words(m, l) {
		find(untrue, "%s", problem)
	}
	if len(out) > 0 || a.book == nil {
		return out
	}
	// The other reader, which knows its own tree and keys.
	e, err := d.Evidence()
	if err == nil {
		err = a.book.Check(e)
	}
	if err != nil {
		out = append(out, finding{kindOfError(err), m.Release, said(err)})
	}
	return out
}

// steps: after its charge the release was drawn once, its result has these
// files, and it was not taken back.
func (a *audit) steps(d release.Delivered, l *life) (out []finding) {
	find := func(kind, format string, args ...any) {
		out = append(out, finding{kind, l.charge.Release, filepath.ToSlash(d.Path) + ": " + fmt.Sprintf(format, args...)})
	}
	switch l.state {
	case "WITHDRAW":
		find(recalled, "it was withdrawn in record %d: take it out of the workspace", l.ended)
	case "BURNED":
		find(recalled, "it was burned in record %d and never published: take it out of the workspace", l.ended)
	}
	if l.resulted == 0 {
		find(unrecorded, "the ledger has its charge, record %d, and no RESULT: what lies here was never recorded", l.charge.Seq)
		return out
	}
	if !(l.charge.Seq < l.drawn && l.drawn < l.resulted) {
		find(untrue, "charge, draw and result are records %d, %d and %d, which is not their order", l.charge.Seq, l.drawn, l.resulted)
	}
	want := []fileBody{fileBody(ledgerFile(d.File))}
	for _, f := range d.Manifest.Files {
		want = append(want, fileBody(f))
	}
	for _, f := range want {
		if !slices.Contains(l.files, f) {
			find(changed, "its %s is not the one that RESULT, record %d, has", f.Name, l.resulted)
		}
	}
	for _, f := range l.files {
		if !slices.ContainsFunc(want, func(w fileBody) bool { return w.Name == f.Name }) {
			find(missing, "RESULT, record %d, has the file %s, and the manifest does not name it", l.resulted, f.Name)
		}
	}
	return out
}

// ledgerFile has the fields that a fileBody has.
func ledgerFile(f ledger.File) fileBody { return fileBody{f.Name, f.Size, f.SHA256} }
