{{- define "aggregate"}}
{{- if eq .Agg "mean"}}{{template "half up" .}}
{{- else if eq .Agg "median"}}quantile_disc({{ident .Name}}, 0.5)
{{- else if eq .Agg "last"}}arg_max({{ident .Name}}, {'l': local, 'v': {{ident .Name}}}) FILTER (WHERE {{ident .Name}} IS NOT NULL)
{{- else}}{{.Agg}}({{ident .Name}})
{{- end}}
{{- end}}
{{- /* floor((2s + n) / 2n): // cuts towards zero, so the remainder is made positive first */ -}}
{{- define "half up"}}{{$s := printf "(2 * sum(%s) + count(%s))" (ident .Name) (ident .Name)}}{{if .Small}}{{$s = printf "(2 * CAST(sum(%s) AS BIGINT) + count(%s))" (ident .Name) (ident .Name)}}{{end}}{{$n := printf "(2 * count(%s))" (ident .Name)}}({{$s}} - ({{$s}} % {{$n}} + {{$n}}) % {{$n}}) // {{$n}}{{end -}}
SELECT
  subject
{{- range .Step.Keys}},
  {{ident .}}
{{- end}}
{{- range .Step.Values}},
  CASE WHEN count({{ident .Name}}) > 0 THEN CAST(least(greatest({{template "aggregate" .}}, {{.Lo}}), {{.Hi}}) - ({{.Lo}}) AS BIGINT) END AS {{ident .Name}}
{{- end}},
  count(*){{if .Step.Conflicts}} - CAST(sum(conflict) AS BIGINT){{end}} AS rows
{{- range .Step.Sums}},
  CAST(sum({{ident .}}) AS BIGINT) AS {{ident .}}
{{- end}}
{{- if .Step.Days}},
  bit_or(CAST(1 AS UBIGINT) << CAST(epoch_ms(day) // 86400000 % 64 AS UBIGINT)) AS days
{{- end}}
FROM {{index .From 0}}
GROUP BY subject{{range .Step.Keys}}, {{ident .}}{{end}}
