SELECT DISTINCT account
FROM {{index .From 0}}
WHERE account IS NOT NULL
{{- if .Step.Purpose}}
  AND (purpose = {{lit .Step.Purpose}} OR purpose IS NULL)
{{- end}}
{{- if .Step.Lifted}}
  AND (lifted_at IS NULL OR lifted_at > TIMESTAMP {{lit .Step.Now}})
{{- end}}
