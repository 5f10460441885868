SELECT * FROM (
  SELECT
    subject,
    CAST({{template "local" .}} AS DATE) AS day,
    CAST({{template "local" .}} AS TIMESTAMP) AS local
{{- range .Step.Keep}},
    {{ident .}}
{{- end}}
  FROM {{index .From 0}}
{{- if .Step.Closed}}
  WHERE arrived IS NULL OR arrived < TIMESTAMP {{lit .Step.Closed}}
{{- end}}
)
WHERE day >= DATE {{lit .Step.Start}} AND day < DATE {{lit .Step.End}}
{{- /* No zone is two days from UTC. Times far off overflow the calendar, so they never reach it. */ -}}
{{- define "near"}}
{{- if eq .Step.Kind "date"}}"at" >= DATE {{lit .Step.Start}} AND "at" < DATE {{lit .Step.End}}
{{- else}}"at" >= TIMESTAMP {{lit .Step.Start}} - INTERVAL 2 DAY AND "at" < TIMESTAMP {{lit .Step.End}} + INTERVAL 2 DAY
{{- end}}
{{- end}}
{{- define "local"}}CASE WHEN {{template "near" .}} THEN
{{- if not .Step.Instant}} "at"
{{- else if .Step.PersonZone}} timezone(zone, timezone('UTC', "at"))
{{- else}} timezone({{lit .Step.Zone}}, timezone('UTC', "at"))
{{- end}} END
{{- end}}
