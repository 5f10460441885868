{{- /* One whole row wins, so that a value keeps its own unit; what is missing loses a tie. */ -}}
{{- define "row"}}{'day': day, 'local': local{{range .Values}}, {{ident .}}: {{ident .}}{{end}}}{{end}}
{{- define "rank"}}{'arrived': coalesce(arrived, TIMESTAMP '-infinity'){{range .Values}}, {{ident (print "has " .)}}: {{ident .}} IS NOT NULL, {{ident .}}: {{ident .}}{{end}}, 'local': local}{{end}}
{{- define "latest"}}arg_max({{template "row" .}}, {{template "rank" .}}){{end}}
{{- define "agreed"}}min({{ident .}}) IS NOT DISTINCT FROM max({{ident .}}) AND count({{ident .}}) IN (0, count(*)){{end -}}
SELECT
  subject,
  {{if .Step.Last}}{{template "latest" .Step}}.day{{else if .Step.Daily}}day{{else}}min(day){{end}} AS day,
  {{if .Step.Last}}{{template "latest" .Step}}.local{{else}}max(local){{end}} AS local
{{- range .Step.Others}},
  {{ident .}}
{{- end}}
{{- range .Step.Values}},
  {{- if $.Step.Last}}
  {{template "latest" $.Step}}.{{ident .}} AS {{ident .}}
  {{- else}}
  CASE WHEN true{{range $.Step.Values}} AND {{template "agreed" .}}{{end}} THEN min({{ident .}}) END AS {{ident .}}
  {{- end}}
{{- end}}
{{- range .Step.Sums}},
  CAST(sum({{ident .}}) AS BIGINT) AS {{ident .}}
{{- end}},
  count(*) - 1 AS copies,
  {{if .Step.Last}}0{{else}}CAST(NOT (true{{range .Step.Values}} AND {{template "agreed" .}}{{end}}) AS INTEGER){{end}} AS conflict
FROM {{index .From 0}}
GROUP BY subject{{if .Step.Daily}}, day{{end}}{{range .Step.Others}}, {{ident .}}{{end}}
