package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"parley/node/secret"
)

const text = "hunter2-s3cret"

// holder is somebody else's type that has a Value in it.
type holder struct {
	Shown  secret.Value
	hidden secret.Value
	list   []secret.Value
	table  map[string]secret.Value
}

func TestValue_ShowsItselfNowhere(t *testing.T) {
	t.Parallel()
	v := secret.NewValue(text)
	h := holder{v, v, []secret.Value{v}, map[string]secret.Value{"a": v}}
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		for name, x := range map[string]any{"value": v, "pointer": &v, "holder": h, "list": h.list, "key": secret.NewKey()} {
			shown[verb+" of "+name] = fmt.Sprintf(verb, x)
		}
	}
	shown["error"] = fmt.Errorf("sign in with %v: %w", v, fmt.Errorf("%v", h)).Error()
	shown["diff"] = cmp.Diff(v, secret.NewValue("other"))

	var out bytes.Buffer
	logger := zerolog.New(&out)
	logger.Info().Interface("v", v).Interface("h", h).Stringer("s", v).Any("p", &v).Msg("x")
	handler := slog.New(slog.NewJSONHandler(&out, nil))
	handler.Info("x", "v", v, "h", h, slog.Group("g", "v", v))
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v, "h", h)
	shown["logs"] = out.String()

	for name, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "yaml": yaml.Marshal} {
		for _, x := range []any{v, &v, h, map[string]any{"a": v}} {
			data, err := marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			shown[name+fmt.Sprintf(" of %T", x)] = string(data)
		}
	}
	for where, got := range shown {
		if strings.Contains(got, text) || strings.Contains(got, fmt.Sprintf("%x", text)) || strings.Contains(got, "hunter2") {
			t.Errorf("%s shows the secret: %s", where, got)
		}
	}
	for where, want := range map[string]string{"logs": ` v=[hidden] h=`, "json of secret.Value": `"[hidden]"`, "yaml of *secret.Value": "[hidden]"} {
		if !strings.Contains(shown[where], want) {
			t.Errorf("%s: got %s, want %s", where, shown[where], want)
		}
	}
	if got := fmt.Sprintf("%v %s %q", v, v, v); got != "[hidden] [hidden] [hidden]" {
		t.Errorf("printed %s", got)
	}
}

func TestValue_RevealIsTheOnlyWay(t *testing.T) {
	t.Parallel()
	v := secret.NewValue(text)
	if got := v.Reveal(); got != text {
		t.Errorf("Reveal: got %q", got)
	}
	if v.IsZero() || !(secret.Value{}).IsZero() || !secret.NewValue("").IsZero() {
		t.Error("IsZero does not tell whether there is a text")
	}
	if !v.Equal(secret.NewValue(text)) || v.Equal(secret.NewValue(text+"x")) || v.Equal(secret.Value{}) {
		t.Error("Equal does not compare the texts")
	}
}
