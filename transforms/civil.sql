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
{{- define "local"}}
{{- if not .Step.Instant}}at
{{- else if .Step.PersonZone}}timezone(zone, timezone('UTC', at))
{{- else}}timezone({{lit .Step.Zone}}, timezone('UTC', at))
{{- end}}
{{- end}}
