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
{{- if .Step.Only}}
WHERE {{range $i, $set := .Step.Only}}{{if $i}} OR {{end}}({{range $j, $w := $set}}{{if $j}} AND {{end}}r.{{ident $w.Column}} IN ({{typed $w.Type $w.Values}}){{end}}){{end}}
{{- end}}
