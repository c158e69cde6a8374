// An OpenTelemetry collector for tests: the receiver of OTLP of the OpenTelemetry project, and an
// exporter that writes the records that came to a file, a line of JSON each. It knows nothing of
// Signet. Arguments: --config FILE.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
)

func main() {
	err := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "collector", Version: "test"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
				DefaultScheme:     "file",
			},
		},
	}).Execute()
	if err != nil {
		os.Exit(1)
	}
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](
		exporter.NewFactory(
			component.MustNewType("lines"),
			func() component.Config { return &linesConfig{} },
			exporter.WithLogs(newLines, component.StabilityLevelDevelopment)))
	return otelcol.Factories{
		Receivers: receivers,
		Exporters: exporters,
		Telemetry: telemetry.NewFactory(func() component.Config { return &struct{}{} }),
	}, err
}

type linesConfig struct {
	Path string `mapstructure:"path"`
}

type lines struct {
	mutex sync.Mutex
	file  *os.File
	path  string
}

func newLines(_ context.Context, _ exporter.Settings, config component.Config) (exporter.Logs, error) {
	path := config.(*linesConfig).Path
	if path == "" {
		return nil, errors.New("lines: path is missing")
	}
	return &lines{path: path}, nil
}

func (l *lines) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (l *lines) Start(context.Context, component.Host) (err error) {
	l.file, err = os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return err
}

func (l *lines) Shutdown(context.Context) error { return l.file.Close() }

// Each record with its attributes, and the header x-tenant of the request that brought it.
func (l *lines) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	tenant := client.FromContext(ctx).Metadata.Get("x-tenant")
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				line, err := json.Marshal(map[string]any{
					"time":       record.Timestamp().AsTime().UnixMilli(),
					"severity":   record.SeverityText(),
					"event":      record.EventName(),
					"attributes": record.Attributes().AsRaw(),
					"resource":   resource.Resource().Attributes().AsRaw(),
					"tenant":     tenant,
				})
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(l.file, "%s\n", line); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
