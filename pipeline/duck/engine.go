// Package duck runs the local half of a plan on an embedded DuckDB: it opens
// source tables, admits people, swaps accounts for the run's surrogates, runs
// a plan's steps as named views and hands back exact integers in Arrow
// batches. It is the sole importer of duckdb-go.
//
// The engine is locked before it sees a file: it lives in memory, reads only
// below the source folder, loads no extension, and spills nothing unless the
// caller names a folder for it; without one it fails with an error when memory
// runs out. It can write nowhere outside the source and spill folders, and the
// steps hold no statement that writes. DuckDB's own error texts quote values of rows,
// so none of them leaves this package: an error says what was being done and
// which kind of fault it was.
//
// What it does not protect against: whoever can read this process's memory, or
// the spill folder while a job runs.
package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"
	"golang.org/x/sys/unix"

	"lethe/transforms"
)

// Options says what an engine may use.
type Options struct {
	Source  string // Required. Folder that holds the source tables; nothing outside is read.
	Memory  string // DuckDB's size notation; default "2GiB"
	Threads int    // default: the number of processors
	Spill   string // folder for spilled data; default none: running out of memory is an error
	Key     []byte // 32 bytes that key the surrogates, for tests; default fresh from crypto/rand
}

// An Engine is one locked DuckDB. Close it when the run ends: it takes the
// surrogates with it.
type Engine struct {
	db     mapping.Database
	source string
	spill  string
	held   *os.File // the spill folder, locked
	key    []byte
}

// Open starts an engine and locks it.
func Open(o Options) (*Engine, error) {
	source, err := filepath.EvalSymlinks(o.Source)
	if err == nil {
		source, err = filepath.Abs(source)
	}
	if err != nil {
		return nil, fmt.Errorf("open source folder %s: %w", o.Source, reason(err))
	}
	if info, err := os.Stat(source); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("open source folder %s: it is not a folder; name the folder that holds the tables with --source", o.Source)
	}
	if strings.ContainsAny(source, "*?[") {
		return nil, fmt.Errorf("open source folder %s: its path holds one of * ? [, which the engine reads as a pattern; rename it", o.Source)
	}
	if len(o.Key) != 0 && len(o.Key) != 32 {
		return nil, fmt.Errorf("start the engine: a key has 32 bytes, not %d", len(o.Key))
	}
	e := &Engine{source: source, key: o.Key}
	if o.Spill != "" {
		if e.spill, err = filepath.Abs(o.Spill); err != nil {
			return nil, fmt.Errorf("open spill folder %s: %w", o.Spill, reason(err))
		}
	}
	if err := e.hold(); err != nil {
		return nil, err
	}
	if err := e.open(); err != nil {
		return nil, errors.Join(err, e.release())
	}
	if err := e.lock(o); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *Engine) open() error {
	var config mapping.Config
	defer mapping.DestroyConfig(&config)
	if mapping.CreateConfig(&config) == mapping.StateError {
		return fmt.Errorf("start the engine: no configuration")
	}
	var msg string
	if mapping.OpenExt(":memory:", &e.db, config, &msg) == mapping.StateError {
		return fmt.Errorf("start the engine: it did not open a database in memory")
	}
	return nil
}

// lock sets limits first, then shuts the doors, then the settings themselves.
func (e *Engine) lock(o Options) error {
	if o.Memory == "" {
		o.Memory = "2GiB"
	}
	if o.Threads == 0 {
		o.Threads = runtime.NumCPU()
	}
	c, err := e.connect()
	if err != nil {
		return err
	}
	defer c.close()
	readable := []string{e.source + "/"}
	if e.spill != "" {
		readable = append(readable, e.spill+"/")
	}
	settings := []string{
		"SET memory_limit = " + transforms.Literal(o.Memory),
		"SET threads = " + transforms.Literal(o.Threads),
		"SET temp_directory = " + transforms.Literal(e.spill),
		"SET TimeZone = 'UTC'",
		"SET preserve_insertion_order = false",
		"SET enable_progress_bar = false",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET allow_community_extensions = false",
		"SET allow_persistent_secrets = false",
		"SET allowed_directories = [" + quoteAll(readable) + "]",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	}
	for _, s := range settings {
		if err := c.exec(context.Background(), "lock the engine", s); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the engine and everything in its memory.
func (e *Engine) Close() error {
	mapping.Close(&e.db)
	return e.release()
}

// hold takes the spill folder for this engine alone and empties it: a run that
// died may have left raw rows there.
func (e *Engine) hold() error {
	if e.spill == "" {
		return nil
	}
	dir, err := os.Open(e.spill)
	if err != nil {
		return fmt.Errorf("open spill folder %s: %w; make the folder, on a tmpfs or an encrypted disk, or leave --spill out", e.spill, reason(err))
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		return fmt.Errorf("open spill folder %s: another run spills there; give each run a folder of its own", e.spill)
	}
	e.held = dir
	if err := e.sweep(); err != nil {
		return errors.Join(err, dir.Close())
	}
	return nil
}

// release empties the spill folder and lets go of it.
func (e *Engine) release() error {
	if e.held == nil {
		return nil
	}
	return errors.Join(e.sweep(), e.held.Close())
}

func (e *Engine) sweep() error {
	entries, err := os.ReadDir(e.spill)
	if err != nil {
		return fmt.Errorf("open spill folder %s: %w; make the folder, on a tmpfs or an encrypted disk, or leave --spill out", e.spill, reason(err))
	}
	for _, f := range entries {
		if !spilled(f.Name()) {
			return fmt.Errorf("spill folder %s holds %s, which no run spilled; give spill a folder of its own", e.spill, f.Name())
		}
		if err := os.RemoveAll(filepath.Join(e.spill, f.Name())); err != nil {
			return fmt.Errorf("sweep spill folder %s: %w", e.spill, reason(err))
		}
	}
	return nil
}

func spilled(name string) bool {
	ok, _ := filepath.Match("duckdb_temp_*", name)
	return ok
}

func quoteAll(texts []string) string {
	var out string
	for i, t := range texts {
		if i > 0 {
			out += ", "
		}
		out += transforms.Literal(t)
	}
	return out
}
