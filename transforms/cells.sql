{{- define "code"}}CAST(
{{- if .Banded}}coalesce(b{{.Banded}}.{{ident .Name}}, {{.None}})
{{- else if .Person}}p.{{ident .Name}}
{{- else}}u.{{ident .Name}}
{{- end}} AS BIGINT)
{{- end -}}
{{- define "index"}}
{{- if .All}}{{template "code" .}}{{else}}CAST(list_position([{{list .Index}}], {{template "code" .}}) - 1 AS BIGINT){{end}}
{{- end}}
{{- /* which bin of a measure a subject is in: one, or none (-1) */ -}}
{{- define "bin"}}
{{- if .Width}}coalesce(u.{{ident .Of}} // {{.Width}}, -1)
{{- else}}CASE WHEN u.{{ident .Of}} IS NULL THEN -1
{{- range $i, $edge := .Edges}} WHEN u.{{ident $.Of}} < {{$edge}} THEN {{if $i}}{{prev $i}}{{else}}{{$.Outside}}{{end}}{{end}} ELSE {{.Outside}} END
{{- end}}
{{- end -}}
{{- define "parts"}}(2 * abs(u.{{ident .Name}} - {{.Centre}}) + {{.Divide}}) // (2 * {{.Divide}}){{end -}}
{{- /* a key outside its domain, or without a value, is in no group */ -}}
{{- define "published"}}
{{- if .All}}{{template "code" .}} BETWEEN 0 AND {{.Last}}{{else}}{{template "code" .}} IN ({{list .Index}}){{end}}
{{- end -}}
SELECT
  {{if not .Step.Keys}}CAST(0 AS BIGINT){{end}}{{.Step.Opens}}
  {{- range $i, $k := .Step.Keys}}{{if $i}}) * {{len $k.Index}} + {{end}}{{template "index" $k}}{{end}} AS cell,
{{- range .Step.Bins}}
  CAST({{template "bin" .}} AS BIGINT) AS {{ident .Name}},
{{- end}}
  count(*) AS subjects
{{- range .Step.Values}},
  count(u.{{ident .Name}}) AS {{ident (print "n:" .Name)}},
  coalesce(sum(u.{{ident .Name}} - {{.Centre}}), 0) AS {{ident (print "c:" .Name)}},
  coalesce(sum(u.{{ident .Name}} + ({{.Lo}})), 0) AS {{ident (print "t:" .Name)}}
{{- if .Divide}},
  coalesce(sum(({{template "parts" .}}) * ({{template "parts" .}})), 0) AS {{ident (print "q:" .Name)}}
{{- end}}
{{- end}}
{{- range .Step.Sums}},
  sum(u.{{ident .}}) AS {{ident .}}
{{- end}}
FROM {{index .From 0}} u
JOIN {{index .From 1}} p ON u.subject = p.subject
{{- range .Step.Relations}}
LEFT JOIN {{index $.From (next .)}} b{{.}} ON u.subject = b{{.}}.subject
{{- end}}
WHERE u.rows > 0
{{- range .Step.Keys}}
  AND {{template "published" .}}
{{- end}}
{{- range .Step.Filters}}
  AND {{template "published" .}}
{{- end}}
{{if .Step.Bins}}GROUP BY GROUPING SETS ((cell){{range .Step.Bins}}, (cell, {{ident .Name}}){{end}}){{else}}GROUP BY 1{{end}}
