SELECT
  subject
{{- range .Step.Values}},
  {{ident .}}
{{- end}},
  1 AS rows
FROM {{index .From 0}}
