package deliver

import (
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"lethe/pipeline/release"
)

// batchRows is the size of a record batch and of a row group, so that their borders speak of nothing but row numbers.
const batchRows = 64 << 10

var dictionaryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

// tags are what the data files say of the release themselves, for who has lost the manifest.
func tags(m release.Manifest) (keys, values []string) {
	return []string{"lethe.release", "lethe.dataset", "lethe.plan", "lethe.label"},
		[]string{m.Release, m.Dataset, m.Plan, m.Label}
}

func arrowSchema(columns []visible, m release.Manifest) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i := range columns {
		fields[i] = columns[i].field()
	}
	meta := arrow.NewMetadata(tags(m))
	return arrow.NewSchema(fields, &meta)
}

func (v *visible) field() arrow.Field {
	f := arrow.Field{Name: v.Name, Nullable: v.valid != nil}
	switch v.Kind {
	case release.Category:
		f.Type = dictionaryType
	case release.Int:
		f.Type = arrow.PrimitiveTypes.Int64
	case release.Decimal:
		f.Type = arrow.PrimitiveTypes.Float64
	default: // Bool
		f.Type = arrow.FixedWidthTypes.Boolean
	}
	var keys, values []string
	for _, kv := range [][2]string{
		{"unit", v.Unit}, {"code", v.Code}, {"category", v.Column.Category},
		{"done", strings.Join(v.Done, "; ")}, {"error_column", v.Error},
	} {
		if kv[1] != "" {
			keys, values = append(keys, kv[0]), append(values, kv[1])
		}
	}
	if v.Kind == release.Decimal {
		keys, values = append(keys, "decimals"), append(values, strconv.Itoa(v.Decimals))
	}
	f.Metadata = arrow.NewMetadata(keys, values)
	return f
}
