package header

// GetAllSubscriptionGroup is the header of GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201). Callers up to 5.3.2 send none of the fields; they
// get everything.
type GetAllSubscriptionGroup struct {
	GroupSeq    int32  `ext:"groupSeq"`
	DataVersion string `ext:"dataVersion"`
	MaxGroupNum *int32 `ext:"maxGroupNum"`
}

// GetAllSubscriptionGroupResponse is the header of the answer.
type GetAllSubscriptionGroupResponse struct {
	TotalGroupNum int32 `ext:"totalGroupNum,required"`
}
