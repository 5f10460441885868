{{- define "code"}}CAST(
{{- if .Banded}}coalesce(b{{.Banded}}.{{ident .Name}}, {{.None}})
{{- else if .Person}}p.{{ident .Name}}
{{- else}}u.{{ident .Name}}
{{- end}} AS BIGINT)
{{- end -}}
{{- define "index"}}
{{- if .All}}{{template "code" .}}{{else}}CAST(list_position([{{list .Index}}], {{template "code" .}}) - 1 AS BIGINT){{end}}
{{- end}}
{{- /* a key outside its domain, or without a value, is in no group */ -}}
{{- define "published"}}
{{- if .All}}{{template "code" .}} BETWEEN 0 AND {{.Last}}{{else}}{{template "code" .}} IN ({{list .Index}}){{end}}
{{- end -}}
SELECT
  {{if not .Step.Keys}}CAST(0 AS BIGINT){{end}}{{.Step.Opens}}
  {{- range $i, $k := .Step.Keys}}{{if $i}}) * {{len $k.Index}} + {{end}}{{template "index" $k}}{{end}} AS cell,
  count(*) AS subjects
{{- range .Step.Values}},
  count(u.{{ident .Name}}) AS {{ident (print "n:" .Name)}},
  coalesce(sum(u.{{ident .Name}} - {{.Centre}}), 0) AS {{ident (print "c:" .Name)}},
  coalesce(sum(u.{{ident .Name}} + ({{.Lo}})), 0) AS {{ident (print "t:" .Name)}}
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
GROUP BY 1
