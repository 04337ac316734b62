package body

// ConflictList answers SkylarkConflicts.
type ConflictList struct {
	Groups []GroupConflict `json:"groups"`
	// Rejected: clients refused for rejectConflictingSubscription since the start.
	Rejected int64 `json:"rejected"`
}

// GroupConflict is a consumer group whose members subscribe differently.
type GroupConflict struct {
	Group string `json:"group"`
	Since int64  `json:"since"`
	// Told: it has lasted longer than the grace time.
	Told    bool                `json:"told"`
	Clients int                 `json:"clients"`
	Sets    int                 `json:"sets"` // different sets of subscriptions
	Topics  []SubscriptionSplit `json:"topics"`
}

// SubscriptionSplit is one topic that they want differently.
type SubscriptionSplit struct {
	Topic    string                `json:"topic"`
	Variants []SubscriptionVariant `json:"variants"`
}

// SubscriptionVariant is one of the ways; Subscribed is false for members that do
// not want the topic at all.
type SubscriptionVariant struct {
	Subscribed bool     `json:"subscribed"`
	Expression string   `json:"expression"`
	Type       string   `json:"type"`
	Clients    []string `json:"clients"`
	More       int      `json:"more"` // clients that are not named
}
