{{- /* One whole row wins, so that a value keeps its own unit; what is missing loses a tie. */ -}}
{{- define "row"}}{'day': day, 'local': local{{range .Values}}, {{ident .}}: {{ident .}}{{end}}}{{end}}
{{- define "rank"}}{'arrived': coalesce(arrived, TIMESTAMP '-infinity'){{range .Values}}, {{ident (print "has " .)}}: {{ident .}} IS NOT NULL, {{ident .}}: {{ident .}}{{end}}, 'local': local}{{end}}
{{- define "latest"}}arg_max({{template "row" .}}, {{template "rank" .}}){{end}}
{{- define "agreed"}}min({{ident .}}) IS NOT DISTINCT FROM max({{ident .}}) AND count({{ident .}}) IN (0, count(*)){{end -}}
{{- define "alone"}}SELECT
  subject, day, local
{{- range .Step.Others}},
  {{ident .}}
{{- end}}
{{- range .Step.Values}},
  {{ident .}}
{{- end}}
{{- range .Step.Sums}},
  {{ident .}}
{{- end}},
  0 AS copies,
  0 AS conflict
FROM {{index .From 0}} r
{{- end}}
{{- define "same"}}r.subject = twice.subject{{if .Step.Daily}} AND r.day = twice.day{{end}}{{range .Step.Others}} AND r.{{ident .}} IS NOT DISTINCT FROM twice.{{ident .}}{{end}}{{end -}}
{{- if .Step.Alone}}{{template "alone" .}}
{{- else -}}
WITH twice AS (
  SELECT subject{{if .Step.Daily}}, day{{end}}{{range .Step.Others}}, {{ident .}}{{end}}
  FROM {{index .From 0}}
  GROUP BY ALL
  HAVING count(*) > 1
)
{{template "alone" .}} ANTI JOIN twice ON {{template "same" .}}
UNION ALL
SELECT
  r.subject,
  {{if .Step.Last}}{{template "latest" .Step}}.day{{else if .Step.Daily}}r.day{{else}}min(day){{end}} AS day,
  {{if .Step.Last}}{{template "latest" .Step}}.local{{else}}max(local){{end}} AS local
{{- range .Step.Others}},
  r.{{ident .}}
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
FROM {{index .From 0}} r SEMI JOIN twice ON {{template "same" .}}
GROUP BY r.subject{{if .Step.Daily}}, r.day{{end}}{{range .Step.Others}}, r.{{ident .}}{{end}}
{{- end}}
