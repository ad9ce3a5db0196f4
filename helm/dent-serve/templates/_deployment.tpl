{{/* The Deployment of a component. */}}
{{- define "dent-serve.deployment" -}}
{{- $values := index .root.Values .component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "dent-serve.componentName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "dent-serve.labels" . | nindent 4 }}
spec:
  {{- if eq $values.autoscaling.kind "none" }}
  replicas: {{ include "dent-serve.leastReplicas" . }}
  {{- end }}
  revisionHistoryLimit: 3
  minReadySeconds: 5
  # A pod may need all of its start-up time.
  progressDeadlineSeconds: {{ add 300 (.root.Values.lifecycle.startupSeconds | int64) }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      {{- toYaml $values.strategy | nindent 6 }}
  selector:
    matchLabels:
      {{- include "dent-serve.selectorLabels" . | nindent 6 }}
  template:
    {{- include "dent-serve.pod" . | nindent 4 }}
{{- end -}}
