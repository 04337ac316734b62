package header

// QueryConsumeTimeSpan is the header of QUERY_CONSUME_TIME_SPAN (303).
type QueryConsumeTimeSpan struct {
	Topic string `ext:"topic,required"`
	Group string `ext:"group"`
}
