package status

import (
	"encoding/json"
	"net/http"
)

// Entries is what a controller has to know of a process: which entry of the contract it runs under each uid. It is small,
// because it is asked for often while a change is on its way.
type Entries struct {
	Generation uint64 `json:"generation"`
	// Problem is why the newest contract is not in force.
	Problem string           `json:"problem,omitempty"`
	Routes  map[string]Entry `json:"routes,omitempty"`
	Groups  map[string]Entry `json:"groups,omitempty"`
}

// Entry is one route or group.
type Entry struct {
	// Hash is that of the entry which runs.
	Hash string `json:"hash"`
	// State of a group.
	State string `json:"state,omitempty"`
	// Problem is why the entry does not run as it says.
	Problem string `json:"problem,omitempty"`
}

// entriesOf takes the entries out of a report.
func entriesOf(r Report) Entries {
	e := Entries{
		Generation: r.Contract.Generation, Problem: r.Contract.LastError,
		Routes: make(map[string]Entry, len(r.Routes)), Groups: make(map[string]Entry, len(r.Groups)),
	}
	for _, route := range r.Routes {
		e.Routes[route.UID] = Entry{Hash: route.ContentHash, Problem: route.Problem}
	}
	for _, g := range r.Groups {
		e.Groups[g.UID] = Entry{Hash: g.ContentHash, State: g.State, Problem: g.Problem}
	}
	return e
}

// eventTypesOf takes the types of events that were seen out of a report, by the UID of the route or group that has seen
// them: for controllers, which ask for them again and again.
func eventTypesOf(r Report) map[string][]EventType {
	types := map[string][]EventType{}
	for _, route := range r.Routes {
		if route.EventTypes != nil && len(route.EventTypes.Types) > 0 {
			types[route.UID] = route.EventTypes.Types
		}
	}
	for _, g := range r.Groups {
		if g.EventTypes != nil && len(g.EventTypes.Types) > 0 {
			types[g.UID] = g.EventTypes.Types
		}
	}
	return types
}

func (h *handler) entries(w http.ResponseWriter, _ *http.Request) { answer(w, entriesOf(h.read())) }

func (h *handler) eventTypes(w http.ResponseWriter, _ *http.Request) {
	answer(w, eventTypesOf(h.read()))
}

// answer writes JSON.
func answer(w http.ResponseWriter, what any) {
	body, err := json.Marshal(what)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // fails when the client has left
}
