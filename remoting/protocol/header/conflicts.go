package header

// Conflicts names a consumer group (SkylarkConflicts); all when it is absent.
type Conflicts struct {
	Group string `ext:"group"`
}
