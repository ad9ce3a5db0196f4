{{/* Adds and takes away pods of a component. */}}
{{- define "dent-serve.autoscaler" -}}
{{- $root := .root -}}
{{- $scaling := (index .root.Values .component).autoscaling -}}
{{- $name := include "dent-serve.componentName" . -}}
{{- if eq $scaling.kind "hpa" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dent-serve.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ $name }} }
  minReplicas: {{ $scaling.minReplicas | int64 }}
  maxReplicas: {{ $scaling.maxReplicas | int64 }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: { type: Utilization, averageUtilization: {{ $scaling.targetCPUUtilizationPercentage | int64 }} }
    {{- with $scaling.extraMetrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  behavior:
    {{- toYaml $scaling.behavior | nindent 4 }}
{{- else if eq $scaling.kind "keda" -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "dent-serve.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ $name }} }
  pollingInterval: {{ $root.Values.keda.pollingInterval | int64 }}
  cooldownPeriod: {{ $root.Values.keda.cooldownPeriod | int64 }}
  minReplicaCount: {{ $scaling.minReplicas | int64 }}
  maxReplicaCount: {{ $scaling.maxReplicas | int64 }}
  # Not fewer than there are: KEDA then looks at nothing else, the CPU included.
  fallback:
    failureThreshold: 3
    replicas: {{ $root.Values.keda.fallbackReplicas | int64 }}
    behavior: currentReplicasIfHigher
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- toYaml $scaling.behavior | nindent 8 }}
  triggers:
    - type: prometheus
      metricType: AverageValue
      metadata:
        serverAddress: {{ $root.Values.keda.prometheusAddress | quote }}
        query: {{ include "dent-serve.queueQuery" . | quote }}
        threshold: {{ $root.Values.keda.rowsPerReplica | int64 | quote }}
        activationThreshold: {{ $root.Values.keda.activationRows | int64 | quote }}
        # No answer is a fault, not an empty queue.
        ignoreNullValues: "false"
      {{- with $root.Values.keda.authenticationRef }}
      authenticationRef: { name: {{ . }} }
      {{- end }}
    {{- if gt (int64 $scaling.minReplicas) 0 }}
    # Rows under way wait no more, so the queue alone would take pods away that are busy. A CPU trigger keeps KEDA from going to none.
    - type: cpu
      metricType: Utilization
      metadata: { value: {{ $scaling.targetCPUUtilizationPercentage | int64 | quote }} }
    {{- end }}
{{- end -}}
{{- end -}}

{{/* Rows that wait in this release. */}}
{{- define "dent-serve.queueQuery" -}}
{{- $selector := printf "namespace=%q,service=%q" .root.Release.Namespace (include "dent-serve.componentName" (dict "root" .root "component" "metrics")) -}}
{{- if .root.Values.keda.query -}}
{{- .root.Values.keda.query -}}
{{- else if eq .root.Values.queue.mode "redis" -}}
{{- /* The queue is one, and every API pod tells all of it. */ -}}
{{- printf "sum(max by (model, recipe) (dent_queue_depth{%s}))" $selector -}}
{{- else -}}
{{- /* Each pod has a queue of its own. */ -}}
{{- printf "sum(dent_queue_depth{%s})" $selector -}}
{{- end -}}
{{- end -}}

{{/* Keeps node maintenance from taking several pods at once. */}}
{{- define "dent-serve.disruptionBudget" -}}
{{- $values := index .root.Values .component -}}
{{- if and $values.podDisruptionBudget.enabled (gt (include "dent-serve.leastReplicas" . | int) 1) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "dent-serve.componentName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "dent-serve.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ $values.podDisruptionBudget.maxUnavailable }}
  # Pods that are not ready serve nobody; they must not hold up a node.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "dent-serve.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end -}}
