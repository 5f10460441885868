package pipeline

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lethe/pipeline/duck"
)

// TestPromise3RowsAreInPublicOrder: rows of a release stand in the order of their public labels, whatever the order of
// rows and files of the source, and have no column but the plan's.
func TestPromise3RowsAreInPublicOrder(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, smallPolicy)
	s, _ := population(rand.New(rand.NewPCG(3, 3)), 25)
	root := s.save(t, t.TempDir())
	want := map[string][]string{}
	for _, folder := range orders(t, s, root, 2) {
		source := filepath.Join(root, folder)
		dir := t.TempDir()
		mustRun(t, options(p, source, dir))
		plans := newLab(t, duck.Options{Source: source}, p, nil).plans
		for _, pl := range plans {
			rows, names := released(t, dir, pl.Dataset, len(pl.Keys))
			if !slices.Equal(names, pl.Columns()) {
				t.Errorf("%s: columns %v, the plan's are %v", pl.Dataset, names, pl.Columns())
			}
			if want[pl.Dataset] == nil {
				want[pl.Dataset] = rows
			}
			if !slices.Equal(rows, want[pl.Dataset]) {
				t.Errorf("%s, order %q: the rows are in another order", pl.Dataset, folder)
			}
			var public []string
			for _, keys := range pl.Tables() {
				for g := range pl.GroupsOf(keys) {
					var labels []string
					for k := range pl.Keys {
						labels = append(labels, pl.Label(keys, k, g))
					}
					public = append(public, strings.Join(labels, " | "))
				}
			}
			if !slices.Equal(rows, public) {
				t.Errorf("%s: the rows are not the public groups in their order", pl.Dataset)
			}
		}
	}
	reversed := slices.Clone(want["steps"])
	slices.Reverse(reversed)
	if slices.Equal(reversed, want["steps"]) {
		t.Error("rows in another order would not be seen")
	}
}

// released are the labels of each row of a published dataset, and the names of its columns.
func released(t *testing.T, dir, dataset string, keys int) (rows, names []string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(dir, "workspace", dataset, "*", "data.parquet"))
	if len(paths) != 1 {
		t.Fatalf("%d releases of %s", len(paths), dataset)
	}
	r := load(t, paths[0])
	for _, c := range r.cols {
		names = append(names, c.Name)
	}
	for _, row := range r.rows {
		var labels []string
		for _, v := range row[:keys] {
			labels = append(labels, fmt.Sprint(v))
		}
		rows = append(rows, strings.Join(labels, " | "))
	}
	return rows, names
}

// TestPromise3NoSurrogateLeaves runs under a key that the test knows, computes every subject, and looks for them and the
// key in every file that the run leaves.
func TestPromise3NoSurrogateLeaves(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, samplePolicy)
	key := []byte("a key of exactly 32 bytes, known")
	var secrets [][]byte
	for _, id := range loadSample(t)["accounts.parquet"].texts("account_id") {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id))
		subject := mac.Sum(nil)[:8]
		n := binary.LittleEndian.Uint64(subject)
		secrets = append(secrets, subject, binary.BigEndian.AppendUint64(nil, n), fmt.Append(nil, n), fmt.Append(nil, int64(n)), fmt.Appendf(nil, "%016x", n),
			[]byte(hex.EncodeToString(subject)), []byte(base64.StdEncoding.EncodeToString(subject))[:10])
	}
	secrets = append(secrets, key, []byte(hex.EncodeToString(key)), []byte(base64.StdEncoding.EncodeToString(key)))
	s := &scanner{heads: map[[shortest]byte][]pattern{}}
	for _, b := range secrets {
		if len(b) >= shortest {
			head := [shortest]byte(b)
			s.heads[head] = append(s.heads[head], pattern{b, "secret", fmt.Sprintf("%x", b)})
		}
	}
	dir := t.TempDir()
	o := options(p, sampleSource, dir)
	o.Engine.Key = key
	mustRun(t, o)
	found, files, size := s.search(t, dir)
	for _, f := range found {
		t.Error(f)
	}
	t.Logf("%d forms of 12,000 subjects and the key, in %d files, %d bytes: %d found", len(secrets), files, size, len(found))

	// A release with its subjects is caught.
	put(t, filepath.Join(dir, "leak"), bytes.Join([][]byte{[]byte("row 1,"), secrets[2], []byte(",5312")}, nil))
	if found, _, _ := s.search(t, dir); len(found) == 0 {
		t.Error("a subject in a file is not seen")
	}
}
