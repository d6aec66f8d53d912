package glomers

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// hostLog is where log and log/slog write: the node's log, which has time and node already.
type hostLog struct {
	prefix string // of the names of attributes
	fixed  string // attributes of every line
}

func (h hostLog) Enabled(context.Context, slog.Level) bool { return true }

func (h hostLog) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	line.WriteString(record.Message)
	line.WriteString(h.fixed)
	record.Attrs(func(attr slog.Attr) bool {
		line.WriteString(h.format(attr))
		return true
	})
	contractLog(levelOf(record.Level), valid(line.String()))
	return nil
}

func (h hostLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, attr := range attrs {
		h.fixed += h.format(attr)
	}
	return h
}

func (h hostLog) WithGroup(name string) slog.Handler {
	h.prefix += name + "."
	return h
}

func (h hostLog) format(attr slog.Attr) string {
	return fmt.Sprintf(" %s%s=%v", h.prefix, attr.Key, attr.Value.Resolve())
}

// levelOf is a level as the contract numbers them: trace, debug, info, warn, error.
func levelOf(level slog.Level) int32 {
	switch {
	case level < slog.LevelDebug:
		return 0
	case level < slog.LevelInfo:
		return 1
	case level < slog.LevelWarn:
		return 2
	case level < slog.LevelError:
		return 3
	default:
		return 4
	}
}
