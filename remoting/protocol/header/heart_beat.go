package header

// HeartBeatResponse is the header of the answer to HEART_BEAT (34); the request has none.
type HeartBeatResponse struct {
	IsSupportHeartBeatV2 bool `ext:"IS_SUPPORT_HEART_BEAT_V2"`
	IsSubChange          bool `ext:"IS_SUB_CHANGE"`
}
