package header

// QueryCorrectionOffset is the header of QUERY_CORRECTION_OFFSET (308). FilterGroups names groups separated by commas.
type QueryCorrectionOffset struct {
	FilterGroups string `ext:"filterGroups"`
	CompareGroup string `ext:"compareGroup"`
	Topic        string `ext:"topic,required"`
}
