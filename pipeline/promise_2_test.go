package pipeline

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

// identities are people to plant: Febrl's where it lies beside the repository, made up otherwise.
func identities(t testing.TB, n int) []identity {
	t.Helper()
	dir, ok := sharedData("febrl")
	if !ok {
		t.Log("no ../shared/data/febrl: the canaries are made up")
	}
	people := febrl(t, dir)
	var out []identity
	for i := range n {
		p := []string{"Melisandre", "Oakenwater", "Tullaroop Street", "Willaroo Heights", fmt.Sprint(6_988_048 + i*37)}
		if i < len(people) {
			p = people[i]
		}
		out = append(out, made(i, p[0], p[1], p[2], p[3], p[4]))
	}
	return out
}

// febrl are given name, surname, street, suburb and number of the people of dataset 1.
func febrl(t testing.TB, dir string) [][]string {
	t.Helper()
	if dir == "" {
		return nil
	}
	f, err := os.Open(filepath.Join(dir, "dataset1.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(z)
	r.TrimLeadingSpace = true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, row := range rows[1:] {
		if row[1] != "" && row[2] != "" && row[4] != "" && row[6] != "" && row[10] != "" {
			out = append(out, []string{row[1], row[2], row[4], row[6], row[10]})
		}
	}
	return out
}

// made is a whole identity; every text has a number of its own in it, so that none is a word of the program.
func made(i int, first, last, street, city, number string) identity {
	login := strings.ReplaceAll(first+"."+last, " ", "-")
	id := identity{
		first: first + " " + number, last: last + " of " + number, city: city + " " + number,
		email:    login + number + "@mail.example",
		username: login + "_" + number,
		phone:    fmt.Sprintf("+33 700 %s %02d", number, i%100),
		address:  fmt.Sprintf("%d %s %s", i+1, street, number),
		serial:   "LTH" + number + "X" + fmt.Sprint(i),
		mac:      fmt.Sprintf("02:4c:%02x:%02x:%02x:7e", i%256, i/256, (i*7)%256),
		wifi:     "Home of " + last + " " + number,
		ip:       fmt.Sprintf("2001:db8:beef:%x::%x", i+4096, i*31+65),
		latitude: fmt.Sprintf("-35.%06d", 120_000+i*137), longitude: fmt.Sprintf("149.%06d", 100_000+i*211),
		account: "acct/" + number + "/" + login,
		iban:    "FR7699999" + number + fmt.Sprint(10_000_000_000+i),
		card:    fmt.Sprint(9_900_990_000_000_000 + int64(i)*7919),
	}
	id.letter = "Bonjour, je suis " + id.first + ", rappelez-moi au " + id.phone
	id.message = "login failed for " + id.email
	return id
}

// planted is a source in which the first people are somebody else's identities, everywhere at once.
func planted(base tables, ids []identity) tables {
	who := map[int64]identity{}
	for i, row := range base["accounts.parquet"].rows {
		if i < len(ids) {
			who[row[0].(int64)] = ids[i]
		}
	}
	out := tables{}
	folder := 0
	for _, path := range slices.Sorted(maps.Keys(base)) {
		r := base[path].clone()
		at := r.at("account_id")
		for i, row := range r.rows {
			if key, ok := row[at].(int64); ok {
				plant(r, row, who, key)
			} else if path == "support.parquet" || strings.HasPrefix(path, "logs/") {
				row[r.at("message")] = ids[i%len(ids)].letter
			}
		}
		r.cols[at].Type = tText
		if rest, ok := strings.CutPrefix(path, "activity/"); ok {
			// One folder a person, as some exports have it; the name is percent-encoded as hive wants it.
			day, file := filepath.Split(rest)
			path = "activity/" + day + "person=" + ids[folder].username + "/" + file
			folder++
		}
		out[path] = r
	}
	return out
}

// plant overwrites what a row says of who it is.
func plant(r *relation, row []any, who map[int64]identity, key int64) {
	id, ok := who[key]
	account := any("nobody-" + fmt.Sprint(key))
	if ok {
		account = id.account
		set := map[string]any{"first_name": id.first, "last_name": id.last, "email": id.email, "username": id.username, "phone": id.phone,
			"address": id.address, "city": id.city, "country": id.city, "serial": id.serial, "mac": id.mac, "wifi_ssid": id.wifi, "ip": id.ip,
			"iban": id.iban, "card": id.card}
		for name, v := range set {
			if i := slices.IndexFunc(r.cols, func(f arrow.Field) bool { return f.Name == name }); i >= 0 {
				row[i] = v
			}
		}
		for i, c := range r.cols {
			switch {
			case c.Name == "latitude":
				fmt.Sscan(id.latitude, &row[i])
				row[i] = number(id.latitude)
			case c.Name == "longitude":
				row[i] = number(id.longitude)
			case c.Name == "message" && len(r.cols) > 4:
				row[i] = id.message
			case c.Name == "message":
				row[i] = id.letter
			}
		}
	}
	row[r.at("account_id")] = account
}

func number(s string) float64 {
	var x float64
	fmt.Sscan(s, &x)
	return x
}

// plantedPolicy reads the planted source; logs are opened, with every column dropped.
func plantedPolicy(t testing.TB, dir string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(samplePolicy)
	if err != nil {
		t.Fatal(err)
	}
	replace = append([]string{
		"'activity/*/*.parquet'", "'activity/*/*/*.parquet'",
		"  environment:\n    files:", "  logs: {files: 'logs/*/*.parquet', account: account_id, rows: many}\n  environment:\n    files:",
		"  objections: {technical: [objected_at]}\n", "  objections: {technical: [objected_at]}\n  logs: {identity: [ip, message], technical: [at, app_version, os, day]}\n",
		"  activity: {activity: [", "  activity: {identity: [person], activity: [",
	}, replace...)
	for i := 0; i < len(replace); i += 2 {
		if !bytes.Contains(text, []byte(replace[i])) {
			t.Fatalf("the sample policy does not hold %q", replace[i])
		}
		text = bytes.ReplaceAll(text, []byte(replace[i]), []byte(replace[i+1]))
	}
	communes, err := os.ReadFile(filepath.Join(filepath.Dir(samplePolicy), "communes.csv"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "policy", "communes.csv"), communes)
	put(t, filepath.Join(dir, "policy", "policy.yaml"), text)
	return filepath.Join(dir, "policy", "policy.yaml")
}

// nightly is the program itself, built once.
func nightly(t testing.TB) string {
	t.Helper()
	buildOnce.Do(func() {
		goTool, err := exec.LookPath("go")
		if err != nil {
			buildErr = err
			return
		}
		dir, err := os.MkdirTemp("", "lethe-nightly")
		if err != nil {
			buildErr = err
			return
		}
		built = filepath.Join(dir, "nightly")
		if out, err := exec.Command(goTool, "build", "-o", built, "lethe/jobs/nightly").CombinedOutput(); err != nil {
			buildErr = fmt.Errorf("build nightly: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return built
}

var (
	buildOnce sync.Once
	built     string
	buildErr  error
)

// runProgram runs the program in dir, with its home and temporary files there, and keeps what it prints in a file of dir.
func runProgram(t testing.TB, dir, name string, args ...string) (code int) {
	t.Helper()
	for _, d := range []string{"cwd", "tmp", "home", "out"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(nightly(t), args...)
	c.Dir = filepath.Join(dir, "cwd")
	c.Env = []string{"TMPDIR=" + filepath.Join(dir, "tmp"), "HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH")}
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "out", name), out)
	return c.ProcessState.ExitCode()
}

func args(dir, policy, source string, more ...string) []string {
	return append(more, "--policy", policy, "--source", source, "--workspace", filepath.Join(dir, "workspace"),
		"--ledger", filepath.Join(dir, "ledger"), "--new-ledger", "--date", sampleDay)
}

const plantedPeople = 240

// TestPromise2NoIdentityLeaves: no byte of a direct identifier is in any output, log, error, ledger record or leftover
// file, in any of the encodings.
func TestPromise2NoIdentityLeaves(t *testing.T) {
	t.Parallel()
	ids := identities(t, plantedPeople)
	s := canaryScanner(ids)
	dir := t.TempDir()
	source := planted(loadSample(t).few(400), ids).save(t, filepath.Join(dir, "source"))
	if found, _, _ := s.search(t, source); len(found) < 2000 {
		t.Fatalf("the source holds %d canaries, they are not planted", len(found))
	}
	policy := plantedPolicy(t, dir)

	if code := runProgram(t, dir, "first", args(dir, policy, source, "run")...); code != 0 {
		out, _ := os.ReadFile(filepath.Join(dir, "out", "first"))
		t.Fatalf("exit code %d\n%s", code, out)
	}
	runProgram(t, dir, "again", args(dir, policy, source, "run", "--json")...)
	for _, command := range []string{"plan", "validate", "schema"} {
		runProgram(t, dir, command, args(dir, policy, source, command)...)
	}
	for _, column := range []string{"accounts.email", "accounts.account_id", "logs.message", "support.message"} {
		runProgram(t, dir, "why "+column, args(dir, policy, source, "why", column)...)
	}
	runProgram(t, dir, "init", "init", "--source", source)
	found, files, size := s.search(t, dir, source)
	for _, f := range found {
		t.Errorf("left: %s", f)
	}
	if files < 18 {
		t.Errorf("searched %d files, want the releases, the ledger, the officer's records and what was printed", files)
	}
	t.Logf("%d identities, %d canaries, %d encodings, %d patterns; %d files, %d bytes unpacked, %d found",
		len(ids), s.canaries, len(encodings), s.patterns, files, size, len(found))
}

func canaryScanner(ids []identity) *scanner {
	var all []string
	for _, id := range ids {
		all = append(all, id.canaries()...)
	}
	return newScanner(all)
}

// TestPromise2ErrorsAreSilent: whatever is wrong with a source, no message shows a value of it.
func TestPromise2ErrorsAreSilent(t *testing.T) {
	t.Parallel()
	ids := identities(t, plantedPeople)
	s := canaryScanner(ids)
	base := planted(loadSample(t).few(400), ids)
	saved := base.save(t, t.TempDir())
	for name, damage := range damages(ids) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			source := base.saveChanged(t, base, saved, filepath.Join(dir, "source"))
			policy := plantedPolicy(t, dir)
			if changed := damage(t, source, policy); changed != "" {
				policy = changed
			}
			code := runProgram(t, dir, "run", args(dir, policy, source, "run", "--dataset", "steps-by-weekday,sleep-by-age,pulse-by-age-bmi")...)
			if code != 0 {
				runProgram(t, dir, "schema", args(dir, policy, source, "schema")...)
			}
			out, _ := os.ReadFile(filepath.Join(dir, "out", "run"))
			t.Logf("exit code %d: %s", code, firstLine(out))
			if code == 1 || code == 2 || bytes.Contains(out, []byte("goroutine ")) {
				t.Errorf("exit code %d is not what a bad source is: %s", code, out)
			}
			found, _, _ := s.search(t, dir, source, filepath.Dir(policy))
			for _, f := range found {
				t.Errorf("left: %s", f)
			}
		})
	}
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}

// damages break a source in ways in which its readers speak of rows. One that gives a policy's path wants that policy.
func damages(ids []identity) map[string]func(t *testing.T, source, policy string) string {
	edit := func(glob string, change func([]byte) []byte) func(*testing.T, string, string) string {
		return func(t *testing.T, source, _ string) string {
			paths, _ := filepath.Glob(filepath.Join(source, glob))
			if len(paths) == 0 {
				t.Fatalf("nothing matches %s", glob)
			}
			b, err := os.ReadFile(paths[len(paths)-1])
			if err != nil {
				t.Fatal(err)
			}
			os.Remove(paths[len(paths)-1]) // it is a link
			put(t, paths[len(paths)-1], change(bytes.Clone(b)))
			return ""
		}
	}
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	scratch := func(b []byte) []byte { // the pages, not the footer
		for i := 64; i < len(b)/2; i += 97 {
			b[i] ^= 0x5a
		}
		return b
	}
	typed := func(path, column string, value any, typ arrow.DataType) func(*testing.T, string, string) string {
		return func(t *testing.T, source, _ string) string {
			paths, _ := filepath.Glob(filepath.Join(source, path))
			for _, p := range paths {
				r := load(t, p)
				at := r.at(column)
				r.cols[at].Type = typ
				for i := range r.rows {
					r.rows[i][at] = value
				}
				os.Remove(p)
				put(t, p, r.parquet(t))
			}
			return ""
		}
	}
	text := func(lines ...string) func([]byte) []byte {
		return func([]byte) []byte { return []byte(strings.Join(lines, "\n") + "\n") }
	}
	out := map[string]func(*testing.T, string, string) string{
		"accounts cut short":        edit("accounts.parquet", cut),
		"accounts scratched":        edit("accounts.parquet", scratch),
		"devices scratched":         edit("devices.parquet", scratch),
		"consents scratched":        edit("consents.parquet", scratch),
		"a day of activity cut":     edit("activity/*/*/*.parquet", cut),
		"a day of activity scratch": edit("activity/*/*/*.parquet", scratch),
		"a day of sleep scratched":  edit("sleep/*/*.parquet", scratch),
		"environment scratched":     edit("environment/*/*.parquet", scratch),
		"accounts are text":         edit("accounts.parquet", text(ids[0].email, ids[1].email, ids[2].letter)),
		"activity is empty":         edit("activity/*/*/*.parquet", func([]byte) []byte { return nil }),
		"birth dates are e-mail":    typed("accounts.parquet", "birth_date", ids[3].email, tText),
		"steps are e-mail":          typed("activity/*/*/*.parquet", "steps", ids[4].email, tText),
		"values are e-mail":         typed("measures/*/*.parquet", "value", ids[5].email, tText),
		"decided at e-mail":         typed("consents.parquet", "decided_at", ids[6].email, tText),
		"stamps are names":          typed("sleep/*/*.parquet", "end_at", ids[7].first, tText),
		"zones are letters":         typed("accounts.parquet", "timezone", ids[8].letter, tText),
		"sexes are names":           typed("accounts.parquet", "sex", ids[9].last, tText),
		"postal codes are streets":  typed("accounts.parquet", "postal_code", ids[10].address, tText),
		"purposes are letters":      typed("consents.parquet", "purpose", ids[11].letter, tText),
		"huge text":                 typed("accounts.parquet", "sex", strings.Repeat(ids[12].email, 500), tText),
		"a file named by its person": func(t *testing.T, source, _ string) string {
			paths, _ := filepath.Glob(filepath.Join(source, "sleep/*/*.parquet"))
			b, _ := os.ReadFile(paths[0])
			put(t, filepath.Join(filepath.Dir(paths[0]), ids[13].email+".parquet"), cut(b))
			return ""
		},
		"a folder named by its person is odd": func(t *testing.T, source, _ string) string {
			paths, _ := filepath.Glob(filepath.Join(source, "activity/*/*/*.parquet"))
			os.Remove(paths[3]) // it is a link
			put(t, paths[3], (&relation{cols: []arrow.Field{{Name: "other", Type: tInt}}}).parquet(t))
			return ""
		},
		"a link out of the source, named by its person": func(t *testing.T, source, _ string) string {
			if err := os.Symlink("/etc/hostname", filepath.Join(source, "sleep/day=2026-03-23", ids[14].username+".parquet")); err != nil {
				t.Fatal(err)
			}
			return ""
		},
	}
	for name, content := range textTables(ids) {
		out[name] = func(t *testing.T, source, policy string) string {
			put(t, filepath.Join(source, content[0]), []byte(content[1]))
			text, err := os.ReadFile(policy)
			if err != nil {
				t.Fatal(err)
			}
			old := "  devices: {files: devices.parquet, account: account_id, rows: many}"
			if !bytes.Contains(text, []byte(old)) {
				t.Fatal("no devices in the policy")
			}
			put(t, policy, bytes.Replace(text, []byte(old), []byte("  devices: {files: "+content[0]+", account: account_id, rows: many}"), 1))
			return policy
		}
	}
	return out
}

// textTables are bad text files of devices: a name and bytes.
func textTables(ids []identity) map[string][2]string {
	head := "account_id,serial,mac,wifi_ssid,device_id,kind,model,firmware,activated_at,battery,household_id\n"
	row := func(id identity) string {
		return strings.Join([]string{id.account, id.serial, id.mac, id.wifi, "1", "scale", "m", "1", "2026-01-01 00:00:00", "80", "7"}, ",") + "\n"
	}
	var body strings.Builder
	for _, id := range ids[:50] {
		body.WriteString(row(id))
	}
	object := func(id identity) string {
		return fmt.Sprintf(`{"account_id": %q, "serial": %q, "mac": %q}`, id.account, id.serial, id.mac)
	}
	return map[string][2]string{
		"CSV without a header":           {"devices.csv", body.String()},
		"CSV of one column":              {"devices.csv", ids[20].email + "\n" + ids[21].email + "\n"},
		"CSV with a row too wide":        {"devices.csv", head + body.String() + strings.TrimSpace(row(ids[22])) + "," + ids[22].email + ",x,y\n"},
		"CSV with a row too short":       {"devices.csv", head + body.String() + ids[23].email + "\n"},
		"CSV with an open quote":         {"devices.csv", head + body.String() + `"` + ids[24].letter + "\n" + body.String()},
		"CSV that is not UTF-8":          {"devices.csv", head + body.String() + ids[25].email + "\xff\xfe,a,b\n"},
		"CSV with a person for a column": {"devices.csv", strings.Replace(head, "serial", ids[26].email, 1) + body.String()},
		"JSON that breaks off":           {"devices.json", "[" + object(ids[27]) + ",\n" + object(ids[28])[:30]},
		"JSON keyed by people":           {"devices.json", fmt.Sprintf(`[{%q: 1, %q: {"account_id": 1}}]`, ids[29].email, ids[30].account)},
		"JSON of a text":                 {"devices.json", fmt.Sprintf("%q", ids[31].letter)},
		"JSON with two types":            {"devices.json", fmt.Sprintf(`[{"account_id": %q}, {"account_id": {"id": %q}}, {"account_id": [%q]}]`, ids[32].account, ids[33].email, ids[34].email)},
	}
}

// TestPromise2LeaksAreSeen: the same search finds an identity in every encoding, in every file that a release has, and
// in what leaky variants of the pipeline deliver.
func TestPromise2LeaksAreSeen(t *testing.T) {
	t.Parallel()
	ids := identities(t, plantedPeople)
	s := canaryScanner(ids)
	for name, encode := range encodings {
		text := ids[7].email
		switch name {
		case "integer":
			text = ids[7].card
		case "float":
			text = ids[7].latitude
		}
		for i, b := range encode(text) {
			if !slices.ContainsFunc(s.find(append([]byte("…"), append(b, "…"...)...)), func(f string) bool { return strings.HasPrefix(f, text) }) {
				t.Errorf("%s, form %d: not found", name, i)
			}
		}
	}
	for name, leak := range leaks(ids) {
		dir := t.TempDir()
		leak(t, dir)
		if found, _, _ := s.search(t, dir); len(found) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	leakyPolicies(t, s, ids)
}

// leaks write files as careless code would.
func leaks(ids []identity) map[string]func(*testing.T, string) {
	return map[string]func(*testing.T, string){
		"a dictionary that holds a label no row uses": func(t *testing.T, dir string) { careless(t, dir, ids[0].email, "M") },
		"an error with the engine's words": func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "stderr"), fmt.Appendf(nil, "Conversion Error: Could not convert string '%s' to INT32", ids[1].phone))
		},
		"a log in gzip": func(t *testing.T, dir string) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			io.WriteString(z, "retry for "+ids[2].ip)
			z.Close()
			put(t, filepath.Join(dir, "log.gz"), b.Bytes())
		},
		"a folder name":                 func(t *testing.T, dir string) { put(t, filepath.Join(dir, ids[3].username, "x"), nil) },
		"an account as the key of rows": func(t *testing.T, dir string) { careless(t, dir, ids[4].account, ids[4].account) },
		"a coordinate under a null": func(t *testing.T, dir string) {
			b := array.NewFloat64Builder(memory.DefaultAllocator)
			b.AppendValues([]float64{1, number(ids[5].latitude)}, []bool{true, false})
			schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: tFloat, Nullable: true}}, nil)
			writeArrow(t, filepath.Join(dir, "data.arrow"), array.NewRecord(schema, []arrow.Array{b.NewArray()}, 2))
		},
		"a hash of an e-mail, cut to its half": func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "manifest.json"), append([]byte(`{"id":"`), append(encodings["SHA-256"](ids[6].email)[2], '"')...))
		},
	}
}

// careless writes a dictionary of two labels, of which rows use the second alone, as Arrow and as zstd Parquet.
func careless(t *testing.T, dir, hidden, shown string) {
	t.Helper()
	labels := array.NewStringBuilder(memory.DefaultAllocator)
	labels.AppendValues([]string{hidden, shown}, nil)
	codes := array.NewInt32Builder(memory.DefaultAllocator)
	codes.AppendValues([]int32{1, 1, 1}, nil)
	typ := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{{Name: "sex", Type: typ}}, nil)
	rec := array.NewRecord(schema, []arrow.Array{array.NewDictionaryArray(typ, codes.NewArray(), labels.NewArray())}, 3)
	writeArrow(t, filepath.Join(dir, "data.arrow"), rec)
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithStats(false)), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "parquet", "data.parquet"), out.Bytes())
}

func writeArrow(t *testing.T, path string, rec arrow.Record) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(rec.Schema()), ipc.WithZstd())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// leakyPolicies are policies that call an identity a code, which the pipeline cannot know; through the whole program.
func leakyPolicies(t *testing.T, s *scanner, ids []identity) {
	t.Helper()
	base := planted(loadSample(t).few(400), ids)
	saved := base.save(t, t.TempDir())
	for column, labels := range map[string]func(identity) string{
		"email":   func(id identity) string { return id.email },
		"address": func(id identity) string { return id.address },
	} {
		dir := t.TempDir()
		source := base.saveChanged(t, base, saved, filepath.Join(dir, "source"))
		var codes []string
		for _, id := range ids[:20] {
			codes = append(codes, fmt.Sprintf("%q", labels(id)))
		}
		policy := plantedPolicy(t, dir,
			"identity: [first_name, last_name, email, username, phone, address, city, country]",
			"identity: ["+strings.Replace("first_name, last_name, email, username, phone, address, city, country", column+", ", "", 1)+"]",
			"columns:\n", "columns:\n  accounts."+column+": {category: identity, type: string, use: [quasi], ladder: leak, finest: 0, why: control, approved: nobody}\n",
			"ladders:\n", "ladders:\n  leak: {codes: ["+strings.Join(codes, ", ")+"], other: unknown}\n",
			"by: [age@30y, sex, region@zone]\n    release: [{count: subjects}]\n", "by: ["+column+", sex]\n    release: [{count: subjects}]\n")
		if code := runProgram(t, dir, "run", args(dir, policy, source, "run", "--dataset", "people-by-age-sex-region")...); code != 0 {
			out, _ := os.ReadFile(filepath.Join(dir, "out", "run"))
			t.Fatalf("%s as codes: exit code %d\n%s", column, code, out)
		}
		found, _, _ := s.search(t, filepath.Join(dir, "workspace"))
		if len(found) < 20 {
			t.Errorf("%s as codes: %d canaries found, want the 20 that were published", column, len(found))
		}
	}
}
