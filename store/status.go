package store

// PutStatus is what became of a message handed to the store.
type PutStatus uint8

// Java's PutMessageStatus. Those marked stored count as sent.
const (
	PutOK               PutStatus = iota
	FlushDiskTimeout              // stored
	FlushSlaveTimeout             // stored
	SlaveNotAvailable             // stored
	ServiceNotAvailable           // shut down, a slave, or not writeable: Writeable says why
	CreateMappedFileFailed
	MessageIllegal
	PropertiesSizeExceeded
	OSPageCacheBusy
	UnknownError // the log could not be written; not stored
	InSyncReplicasNotEnough
	PutToRemoteBrokerFail
	LmqConsumeQueueNumExceeded
	WheelTimerFlowControl
	WheelTimerMsgIllegal
	WheelTimerNotEnable
)

var putStatusNames = [...]string{
	"PUT_OK", "FLUSH_DISK_TIMEOUT", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE", "SERVICE_NOT_AVAILABLE", "CREATE_MAPPED_FILE_FAILED",
	"MESSAGE_ILLEGAL", "PROPERTIES_SIZE_EXCEEDED", "OS_PAGE_CACHE_BUSY", "UNKNOWN_ERROR", "IN_SYNC_REPLICAS_NOT_ENOUGH",
	"PUT_TO_REMOTE_BROKER_FAIL", "LMQ_CONSUME_QUEUE_NUM_EXCEEDED", "WHEEL_TIMER_FLOW_CONTROL", "WHEEL_TIMER_MSG_ILLEGAL",
	"WHEEL_TIMER_NOT_ENABLE",
}

// String is the Java name.
func (s PutStatus) String() string {
	if int(s) < len(putStatusNames) {
		return putStatusNames[s]
	}
	return "UNKNOWN_ERROR"
}

// Stored says whether the message is in the log.
func (s PutStatus) Stored() bool { return s <= SlaveNotAvailable }
