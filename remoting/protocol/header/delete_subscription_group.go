package header

// DeleteSubscriptionGroup is the header of DELETE_SUBSCRIPTIONGROUP (207).
type DeleteSubscriptionGroup struct {
	GroupName   string `ext:"groupName,required"`
	CleanOffset bool   `ext:"cleanOffset"`
}
