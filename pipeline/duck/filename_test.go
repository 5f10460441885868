package duck

import "testing"

func TestFilesAreNamedWithoutPeople(t *testing.T) {
	for _, c := range []struct{ glob, path, want string }{
		{"accounts.parquet", "accounts.parquet", "accounts.parquet"},
		{"activity/*/*.parquet", "activity/day=2026-03-29/part-0.parquet", "activity/day=2026-03-29/part-0.parquet"},
		{"activity/*/*/*.parquet", "activity/day=2026-03-29/person=ada.lovelace/part-0.parquet", "activity/day=2026-03-29/person=…/part-0.parquet"},
		{"m/*.json", "m/ada@mail.example.json", "m/….json"},
		{"steps*.csv.gz", "steps-ada-lovelace.csv.gz", "….csv.gz"},
		{"*/*.parquet", "ada lovelace/2026-03.parquet", "…/….parquet"},
		{"*/*.parquet", "ada@x=1/part-0.parquet", "…/part-0.parquet"},
		{"*/*.parquet", "id=8099933/part-0.parquet", "id=…/part-0.parquet"},
	} {
		if got := shown(c.glob, c.path); got != c.want {
			t.Errorf("%s: got %s, want %s", c.path, got, c.want)
		}
	}
}
