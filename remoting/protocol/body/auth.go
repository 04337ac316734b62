package body

// UserInfo is a user as the AUTH requests carry it; members left out are not changed by an update.
type UserInfo struct {
	Password   string `json:"password,omitempty"`
	UserStatus string `json:"userStatus,omitempty"`
	UserType   string `json:"userType,omitempty"`
	Username   string `json:"username,omitempty"`
}

// AclInfo is what a user may do.
type AclInfo struct {
	Policies []PolicyInfo `json:"policies"`
	Subject  string       `json:"subject"`
}

// PolicyInfo is a list of rules of one kind.
type PolicyInfo struct {
	Entries    []PolicyEntryInfo `json:"entries"`
	PolicyType string            `json:"policyType,omitempty"`
}

// PolicyEntryInfo is one rule.
type PolicyEntryInfo struct {
	Actions   []string `json:"actions"`
	Decision  string   `json:"decision,omitempty"`
	Resource  string   `json:"resource,omitempty"`
	SourceIps []string `json:"sourceIps,omitempty"`
}
