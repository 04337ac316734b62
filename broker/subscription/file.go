package subscription

import (
	"fmt"

	"github.com/skylarkmq/skylark/broker/dataversion"
	"github.com/skylarkmq/skylark/internal/javajson"
)

// file is subscriptionGroup.json.
type file struct {
	DataVersion            dataversion.Version         `json:"dataVersion"`
	ForbiddenTable         map[string]map[string]int32 `json:"forbiddenTable"`
	SubscriptionGroupTable map[string]*Group           `json:"subscriptionGroupTable"`
}

// Encode is the content of subscriptionGroup.json.
func (r *Registry) Encode() ([]byte, error) {
	groups, forbidden, version := r.Snapshot()
	return javajson.MarshalPretty(file{DataVersion: version, ForbiddenTable: forbidden, SubscriptionGroupTable: groups})
}

// Decode lays the content of subscriptionGroup.json over what is there.
func (r *Registry) Decode(data []byte) error {
	var f file
	if err := javajson.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("subscriptionGroup.json: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, g := range f.SubscriptionGroupTable {
		if g != nil {
			g.GroupName = name
			r.table.Set(name, g)
		}
	}
	for name, t := range f.ForbiddenTable {
		r.forbid(name, t)
	}
	r.version = f.DataVersion
	return nil
}

// SetDefaults gives members that a file or request leaves out Java's values; files
// of 4.x lack some.
func (g *Group) SetDefaults() { *g = *NewGroup("") }
