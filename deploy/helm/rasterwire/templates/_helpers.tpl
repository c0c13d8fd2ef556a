{{- define "rasterwire.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end -}}
{{- end }}

{{- define "rasterwire.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "rasterwire.labels" -}}
{{ include "rasterwire.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Not empty where the config file names a database. */}}
{{- define "rasterwire.database" -}}
{{- regexFind "(?m)^[^#\\n]*\\bdatabase(_file)?\\s*=" .Values.config -}}
{{- end }}

{{/* Of the HTTP port, for probes. */}}
{{- define "rasterwire.scheme" -}}
{{- if regexMatch "(?m)^[^#\\n]*\\bcertificate_file\\s*=" .Values.config }}HTTPS{{ else }}HTTP{{ end -}}
{{- end }}

{{/* What the pods of the server and of the migration have in common. */}}
{{- define "rasterwire.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false # a Service rasterwire-grpc would set RASTERWIRE_GRPC_PORT
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "rasterwire.container" -}}
image: {{ .Values.image | default (printf "%s:%s" .Chart.Name .Chart.AppVersion) | quote }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- with .Values.secretVariables }}
envFrom:
  {{- range . }}
  - secretRef:
      name: {{ . }}
  {{- end }}
{{- end }}
volumeMounts:
  - name: config
    mountPath: /etc/rasterwire/rasterwire.toml
    subPath: rasterwire.toml
    readOnly: true
  - name: state
    mountPath: /var/lib/rasterwire
  - name: tmp
    mountPath: /tmp
  {{- if .Values.imagesClaim }}
  - name: images
    mountPath: /data
    readOnly: true
  {{- end }}
  {{- range $number, $secret := .Values.secretFiles }}
  - name: secret-{{ $number }}
    mountPath: /etc/rasterwire/secrets/{{ $secret }}
    readOnly: true
  {{- end }}
{{- end }}

{{/* The argument `config` is the name of a ConfigMap. */}}
{{- define "rasterwire.volumes" -}}
- name: config
  configMap:
    name: {{ .config }}
- name: state
  emptyDir:
    sizeLimit: {{ .Values.stateSize | quote }}
- name: tmp
  emptyDir:
    sizeLimit: 256Mi
{{- with .Values.imagesClaim }}
- name: images
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
{{- range $number, $secret := .Values.secretFiles }}
- name: secret-{{ $number }}
  secret:
    secretName: {{ $secret }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- /* Whom a pod may call: DNS, and what the values name. */}}
{{- define "rasterwire.egress" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
    - ipBlock:
        cidr: 169.254.20.10/32 # the cache of DNS on a node
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- with .Values.networkPolicy.egress }}
{{ toYaml . }}
{{- end }}
{{- end }}
