SELECT
  s.account,
  k.subject
{{- if .Step.Zone}},
  s.zone
{{- end}}
{{- range .Step.Codes}},
  s.{{ident .}}
{{- end}}
FROM {{index .From 0}} s
JOIN {{index .From 1}} k ON s.account = k.account
WHERE s.refused IS NULL
