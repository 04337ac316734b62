package body

// DataVersion tells whether a table changed. Two are equal when all three members are; stateVersion is 0 with 4.x brokers.
type DataVersion struct {
	Counter      int64 `json:"counter"`
	StateVersion int64 `json:"stateVersion"`
	Timestamp    int64 `json:"timestamp"`
}
