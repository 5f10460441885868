{{- define "local"}}
{{- if not .Step.Instant}}"at"
{{- else if .Step.PersonZone}}make_timestamp(epoch_us("at") + z.shift)
{{- else}}timezone({{lit .Step.Zone}}, timezone('UTC', "at"))
{{- end}}
{{- end -}}
SELECT
  subject,
  CAST(local AS DATE) AS day,
  CAST(local AS TIMESTAMP) AS local
{{- range .Step.Keep}},
  {{ident .}}
{{- end}}
FROM (
  SELECT r.*, CASE WHEN {{template "near" .}} THEN {{template "local" .}} END AS local
  FROM {{index .From 0}} r
{{- if and .Step.Instant .Step.PersonZone}}
  JOIN {{index .From 1}} z ON r.zone = z.zone AND "at" >= z.starts AND "at" < z.ends
{{- end}}
{{- if .Step.Closed}}
  WHERE arrived IS NULL OR arrived < TIMESTAMP {{lit .Step.Closed}}
{{- end}}
)
WHERE local >= {{if eq .Step.Kind "date"}}DATE{{else}}TIMESTAMP{{end}} {{lit .Step.Start}} AND local < {{if eq .Step.Kind "date"}}DATE{{else}}TIMESTAMP{{end}} {{lit .Step.End}}
{{- /* No zone is two days from UTC. Times far off overflow the calendar, so they never reach it. */ -}}
{{- define "near"}}
{{- if eq .Step.Kind "date"}}"at" >= DATE {{lit .Step.Start}} AND "at" < DATE {{lit .Step.End}}
{{- else}}"at" >= TIMESTAMP {{lit .Step.Start}} - INTERVAL 2 DAY AND "at" < TIMESTAMP {{lit .Step.End}} + INTERVAL 2 DAY
{{- end}}
{{- end}}
