package store

// GetStatus is how a Get ended.
type GetStatus uint8

// Java's GetMessageStatus, and GetCold.
const (
	GetFound GetStatus = iota
	GetNoMatchedMessage
	GetMessageWasRemoving
	GetOffsetFoundNull
	GetOffsetOverflowBadly
	GetOffsetOverflowOne
	GetOffsetTooSmall
	GetNoMatchedLogicQueue
	GetNoMessageInQueue
	GetOffsetReset
	// GetCold: ResidentOnly was asked for and the first thing needed is not in
	// memory. Nothing was read; ask again where waiting is allowed.
	GetCold
	// GetFailed: the first thing needed cannot be read now. Nothing was read, and the
	// offset is as good as before: ask again later.
	GetFailed
)

var getStatusNames = [...]string{
	"FOUND", "NO_MATCHED_MESSAGE", "MESSAGE_WAS_REMOVING", "OFFSET_FOUND_NULL", "OFFSET_OVERFLOW_BADLY", "OFFSET_OVERFLOW_ONE",
	"OFFSET_TOO_SMALL", "NO_MATCHED_LOGIC_QUEUE", "NO_MESSAGE_IN_QUEUE", "OFFSET_RESET", "COLD", "FAILED",
}

// String is the Java name: the remark of a pull's answer.
func (s GetStatus) String() string {
	if int(s) < len(getStatusNames) {
		return getStatusNames[s]
	}
	return "UNKNOWN"
}
