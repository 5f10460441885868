package duck

import (
	"path/filepath"
	"regexp"
	"strings"
)

// ordinary are the names of files and folders that a message may show: dates,
// and the numbered parts that writers make.
var ordinary = regexp.MustCompile(`^((year|month|day|date|hour|dt)=)?[0-9]{1,4}(-[0-9]{2}){0,2}$|^(part|data|file|chunk)[-_]?[0-9]{0,6}(\.[a-z]+){0,3}$`)

// shown is a matched file as a message may name it. Exports put people into
// names of files and folders, so that what a wildcard of the glob matched is
// shown only where it is ordinary; the rest is "…", and the number of the file
// in the order of names, which messages give too, finds it.
func shown(glob, path string) string {
	sep := string(filepath.Separator)
	patterns, names := strings.Split(glob, sep), strings.Split(path, sep)
	for i, name := range names {
		if i < len(patterns) && patterns[i] == name || ordinary.MatchString(name) {
			continue
		}
		key, _, partition := strings.Cut(name, "=")
		switch ext := extension(name); {
		case partition && plainKey.MatchString(key):
			names[i] = key + "=…"
		case i == len(names)-1:
			names[i] = "…" + ext
		default:
			names[i] = "…"
		}
	}
	return strings.Join(names, sep)
}

var plainKey = regexp.MustCompile(`^[a-z_]{1,40}$`)

// extension is the ending of a name that says what kind of file it is.
func extension(name string) string {
	for _, ext := range []string{".parquet", ".csv.gz", ".csv", ".json.gz", ".json"} {
		if strings.HasSuffix(name, ext) {
			return ext
		}
	}
	return ""
}
