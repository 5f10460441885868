SELECT
  p.subject
{{- if .Step.Zone}},
  p.zone
{{- end}}
{{- range .Step.Keep}},
  r.{{ident .}}
{{- end}}
FROM {{index .From 0}} r
JOIN {{index .From 1}} p ON r.account = p.account
