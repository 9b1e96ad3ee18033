package reconcilertest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// expected are the reasons of conditions that users know, by the reference's number.
var expected = map[string]string{
	"failed to reconcile all subscribers":  "CH-21",
	"all subscribers not ready":            "CH-21",
	"Data plane not available":             "ST-01",
	"Failed to create topic: %s":           "ST-01",
	"Topic %s created":                     "ST-01",
	"Topic %s (owner %s)":                  "SK-11",
	"Topic is not present or invalid":      "ST-01",
	"Config map %s/%s updated":             "ST-01",
	"Failed to get broker auth secret":     "ST-01",
	"Failed to obtain Kafka cluster admin": "ST-01",
	"ProbeStatus":                          "ST-01",
	"DefaultAuthorizationMode":             "ST-02",
	"OIDCDisabled":                         "ST-02",
	"EventPoliciesNotReady":                "ST-02",
	"SinkEmpty":                            "SRC-20",
	"AuthSecret":                           "CG-10",
	"KafkaClusterAdmin":                    "CG-10",
	"InitializeOffset":                     "CG-10",
	"FailedToMapRef":                       "RO-06",
	"FailedToAcquireDataPlaneServices":     "RO-06",
	"FailedToStopConsumerGroups":           "RO-06",
	"FailedToUpdateOffsets":                "RO-06",
	"FailedToStartConsumerGroups":          "RO-06",
}

// failures are what may go wrong around an object, and the rows and tests that show what is said about it, by the folder of
// their reconciler.
var failures = map[string]map[string]string{
	"Kafka is away": {
		"broker": "Kafka is away, and what works stays", "channel": "Kafka is away", "sink": "Kafka is away", "source": "Kafka is away",
		"trigger": "Kafka is away, and what was started stays",
	},
	"a Secret is missing": {
		"broker": "the Secret is missing (ST-01)", "channel": "the Secret is missing", "sink": "the Secret is missing", "source": "the Secret is missing",
		"trigger": "its Secret is missing", "resetoffset": "the Secret is missing",
	},
	"credentials are wrong": {
		"sink": "the password is wrong", "channel": "the Secret lacks a key", "source": "the Secret holds what is no mechanism",
	},
	"Kafka refuses": {"channel": "Kafka refuses the topic", "sink": "Kafka refuses the topic", "resetoffset": "Kafka refuses the offsets"},
	"the topic has other partitions": {
		"channel": "TestAnAdoptedTopicIsKeptAndItsDriftIsSaid", "broker": "one that existed has other partitions, which is said and used",
	},
	"a destination cannot be resolved": {
		"broker": "the dead letter sink is not found", "channel": "the dead letter sink cannot be resolved", "source": "the sink is not found",
		"trigger": "the subscriber is not there any more: the last one stays (TR-10)",
	},
	"a write meets a conflict":             {"contract": "TestAConflictIsAnErrorThatIsRetriedWithWhatThereIs"},
	"two objects with one address":         {"channel": "the Service is somebody else's"},
	"a topic is owned by another object":   {"broker": "one that is another Broker's", "channel": "another channel has the topic"},
	"the contract has no room":             {"broker": "the contract has no room for it", "channel": "the contract refuses the channel", "trigger": "the contract has no room for it"},
	"a pod rejects an entry":               {"broker": "a pod rejects it", "channel": "a pod rejects the route", "sink": "a pod rejects it", "source": "a pod rejects it", "trigger": "a pod rejects it"},
	"what works is not taken away":         {"channel": "TestWhatWorksStaysWhenSomethingGoesWrong", "source": "TestWhatIsWrongNowTakesNothingAway", "contract": "TestWhatIsNotReadyIsLeftOutAndWhatWasThereStays"},
	"a data plane of a namespace not made": {"namespacedbroker": "TestWhatKeepsADataPlaneFromBeingMade"},
}

// The rows that failures names are there: whoever removes or renames one is told what nobody shows any more.
func TestEveryFailureIsShown(t *testing.T) {
	for failure, shown := range failures {
		for reconciler, row := range shown {
			files, err := filepath.Glob(filepath.Join("..", "reconciler", reconciler, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(files, func(file string) bool {
				text, err := os.ReadFile(file)
				return err == nil && (strings.Contains(string(text), strconv.Quote(row)) || strings.Contains(string(text), "func "+row+"("))
			}) {
				t.Errorf("%s: nothing in %s is called %q", failure, reconciler, row)
			}
		}
	}
}

// Every reason that the code gives a condition is what some table of a reconciler expects, and every reason of the
// reference is one that the code gives.
func TestEveryReasonOfAConditionIsInATable(t *testing.T) {
	given, texts := readReasons(t)
	for reason, id := range expected {
		if given[reason] == "" {
			t.Errorf("nothing has the reason %q (%s)", reason, id)
		}
	}
	for reason, where := range given {
		// As a whole, or after TYPE=STATUS or STATUS; names in it may be any, and before it where it is the end of one.
		pattern := strings.ReplaceAll(regexp.QuoteMeta(reason), "%s", `\S*`)
		if strings.HasPrefix(reason, " ") {
			pattern = `\S*` + pattern
		}
		shown := regexp.MustCompile(`^(\S+=)?((True|False|Unknown) )?` + pattern + `(:|$)`)
		if !slices.ContainsFunc(texts, shown.MatchString) {
			t.Errorf("no table expects the reason %q of %s", reason, where)
		}
	}
	t.Logf("%d reasons: %q", len(given), slices.Sorted(maps.Keys(given)))
}

// readReasons reads the reasons that the control plane gives conditions, with where, and the texts in the tests of
// everything but the types themselves, where what those mark by a function of package conditions counts as its reason.
func readReasons(t *testing.T) (given map[string]string, texts []string) {
	t.Helper()
	given = map[string]string{}
	marks := map[string]string{} // functions of package conditions, by name, to the reason that they give
	var called []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"client", "cmd", "migration", "testdata"}, entry.Name()) {
			return fs.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		switch inTable := !strings.HasPrefix(path, filepath.Join("..", "apis")+string(os.PathSeparator)); {
		case !strings.HasSuffix(path, "_test.go"):
			reasonsOf(file, path, given, marks)
		case inTable:
			ast.Inspect(file, func(n ast.Node) bool {
				if text, ok := literal(n); ok {
					texts = append(texts, text)
				}
				if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Mark") {
					called = append(called, s.Sel.Name)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range called {
		if reason := marks[name]; reason != "" {
			texts = append(texts, reason)
		}
	}
	return given, texts
}

// reasonsOf finds constants that are called reasons, values of maps of reasons, and texts that are given where a condition
// is marked.
func reasonsOf(file *ast.File, path string, given, marks map[string]string) {
	function := ""
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			function = n.Name.Name
		case *ast.ValueSpec:
			if name := strings.ToLower(n.Names[0].Name); strings.Contains(name, "reason") {
				for _, value := range n.Values {
					ast.Inspect(value, func(n ast.Node) bool {
						if text, ok := literal(n); ok {
							given[text] = path
						}
						return true
					})
				}
			}
		case *ast.CallExpr:
			if reason, ok := markedReason(n); ok {
				given[reason] = path
				if file.Name.Name == "conditions" {
					marks[function] = reason
				}
			}
		}
		return true
	})
}

// markedReason is the reason that a call like MarkFalse(TYPE, REASON, …) or MarkXFailed(REASON, …) gives as a text, with
// verbs of fmt for names in it.
func markedReason(call *ast.CallExpr) (string, bool) {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !strings.HasPrefix(s.Sel.Name, "Mark") {
		return "", false
	}
	at := 0
	if slices.Contains([]string{"MarkFalse", "MarkUnknown", "MarkTrueWithReason"}, s.Sel.Name) {
		at = 1
	}
	if len(call.Args) <= at {
		return "", false
	}
	argument := call.Args[at]
	if made, ok := argument.(*ast.CallExpr); ok && len(made.Args) > 0 { // fmt.Sprintf
		argument = made.Args[0]
	}
	return literal(argument)
}

func literal(n ast.Node) (string, bool) {
	l, ok := n.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}
