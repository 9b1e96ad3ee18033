package annotation

import (
	"strings"
	"testing"
	"time"
)

func TestAutoscaling(t *testing.T) { // ST-11, EG-100
	const on = "autoscaling.eventing.knative.dev/"
	defaults := DefaultAutoscaling()
	for name, row := range map[string]struct {
		annotations map[string]string
		want        Autoscaling
		problem     string // the key, and what is wrong with its value
	}{
		"nothing is said": {nil, defaults, ""},
		"everything": {map[string]string{
			on + "class": "keda.autoscaling.knative.dev", on + "min-scale": "1", on + "max-scale": "7", on + "polling-interval": "20",
			on + "cooldown-period": "0", on + "lag-threshold": "5", on + "activation-lag-threshold": "2",
		}, Autoscaling{AutoscalingKEDA, 1, 7, 20 * time.Second, 0, 5, 2}, ""},
		"an empty class is that of the installation": {map[string]string{on + "class": ""}, defaults, ""},
		"disabled, and the rest means nothing": {map[string]string{on + "class": "disabled", on + "min-scale": "x"},
			func() Autoscaling { a := defaults; a.Class = AutoscalingDisabled; return a }(), ""},
		"more at least than the installation has at most": {map[string]string{on + "min-scale": "60"},
			func() Autoscaling { a := defaults; a.Min, a.Max = 60, 60; return a }(), ""},
		"another class":           {map[string]string{on + "class": "hpa"}, defaults, on + `class: expected "keda.autoscaling.knative.dev" or "disabled", got "hpa"`},
		"no number":               {map[string]string{on + "max-scale": "many"}, defaults, on + `max-scale: expected a number from 1 to 1000000, got "many"`},
		"a maximum of none":       {map[string]string{on + "max-scale": "0"}, defaults, on + "max-scale: expected a number from 1"},
		"no lag at all":           {map[string]string{on + "lag-threshold": "0"}, defaults, on + "lag-threshold: expected a number from 1"},
		"a negative one":          {map[string]string{on + "activation-lag-threshold": "-1"}, defaults, on + "activation-lag-threshold: expected"},
		"more at least than most": {map[string]string{on + "min-scale": "3", on + "max-scale": "2"}, defaults, on + "min-scale: expected at most the 2 of max-scale, got 3"},
	} {
		got, key, err := AutoscalingOf(row.annotations, defaults)
		problem := ""
		if err != nil {
			problem = key + ": " + err.Error()
		}
		if got != row.want || !strings.HasPrefix(problem, row.problem) || (row.problem == "") != (err == nil) {
			t.Errorf("%s: %+v, %s", name, got, problem)
		}
		refused := Validate(row.annotations, AutoscalingKeys()...)
		if wrong := row.problem != "" || strings.HasPrefix(name, "disabled"); (refused != nil) != wrong || wrong && !strings.Contains(refused.Error(), on) {
			t.Errorf("%s: admission says %v", name, refused)
		}
		if Autoscales(row.annotations) != (len(row.annotations) > 0) {
			t.Errorf("%s: whether it is to be scaled", name)
		}
	}
	few := defaults
	few.Min = 5
	if got, _, err := AutoscalingOf(map[string]string{MaxScale: "2"}, few); err != nil || got.Min != 2 || got.Max != 2 {
		t.Errorf("fewer at most than the installation has at least: %+v, %v", got, err)
	}
}
