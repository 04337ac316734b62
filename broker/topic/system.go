package topic

import "strings"

// Names a broker knows by heart.
const (
	AutoCreateKey    = "TBW102"
	Schedule         = "SCHEDULE_TOPIC_XXXX"
	Benchmark        = "BenchmarkTest"
	TransHalf        = "RMQ_SYS_TRANS_HALF_TOPIC"
	TransOpHalf      = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
	Trace            = "RMQ_SYS_TRACE_TOPIC"
	TransCheckMax    = "TRANS_CHECK_MAX_TIME_TOPIC"
	SelfTest         = "SELF_TEST_TOPIC"
	OffsetMovedEvent = "OFFSET_MOVED_EVENT"
	CheckpointTopic  = "CHECKPOINT_TOPIC"
	WheelTimer       = "rmq_sys_wheel_timer"
	RocksTransHalf   = "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC"
	RocksTransOpHalf = "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC"

	systemPrefix       = "rmq_sys_"
	syncMemberPrefix   = systemPrefix + "SYNC_BROKER_MEMBER_"
	reviveLogPrefix    = systemPrefix + "REVIVE_LOG_"
	replyTopicSuffix   = "_REPLY_TOPIC"
	scheduleQueueNums  = 18
	benchmarkQueueNums = 1024
)

// fixedSystem are system topics whether or not they were created at start.
var fixedSystem = []string{
	AutoCreateKey, Schedule, Benchmark, TransHalf, Trace, TransOpHalf, TransCheckMax,
	SelfTest, OffsetMovedEvent, CheckpointTopic, RocksTransHalf, RocksTransOpHalf,
}

// sendForbidden are the topics no client may send to.
var sendForbidden = map[string]bool{
	Schedule: true, TransHalf: true, TransOpHalf: true, TransCheckMax: true,
	SelfTest: true, OffsetMovedEvent: true, RocksTransHalf: true, RocksTransOpHalf: true,
}

// SendForbidden says whether clients are refused to send to the topic.
func SendForbidden(name []byte) bool { return sendForbidden[string(name)] }

// System says what the topics made at start depend on.
type System struct {
	ClusterName, BrokerName       string
	AutoCreateTopic               bool
	ClusterTopic, BrokerTopic     bool
	TraceTopic                    bool
	TraceTopicName                string
	TimerWheel                    bool
	DefaultQueueNums, ReviveQueue int32
}

// configs are the topics every start creates in memory, before topics.json is
// laid over them, as in Java 5.5.
func (s System) configs() []*Config {
	const rw = PermRead | PermWrite
	withRW := func(enabled bool) int32 {
		if enabled {
			return PermInherit | rw
		}
		return PermInherit
	}
	list := []*Config{newConfig(SelfTest, 1, rw)}
	if s.AutoCreateTopic {
		list = append(list, newConfig(AutoCreateKey, s.DefaultQueueNums, PermInherit|rw))
	}
	list = append(list,
		newConfig(Benchmark, benchmarkQueueNums, rw),
		newConfig(s.ClusterName, 16, withRW(s.ClusterTopic)),
		newConfig(s.BrokerName, 1, withRW(s.BrokerTopic)),
		newConfig(OffsetMovedEvent, 1, rw),
		newConfig(Schedule, scheduleQueueNums, rw),
	)
	if s.TraceTopic {
		list = append(list, newConfig(s.TraceTopicName, 1, rw))
	}
	list = append(list,
		newConfig(s.ClusterName+replyTopicSuffix, 1, rw),
		newConfig(reviveLogPrefix+s.ClusterName, s.ReviveQueue, rw),
		newConfig(syncMemberPrefix+s.BrokerName, 1, PermInherit),
		newConfig(TransHalf, 1, rw),
		newConfig(TransOpHalf, 1, rw),
		newConfig(RocksTransHalf, 1, rw),
		newConfig(RocksTransOpHalf, 1, rw),
	)
	if s.TimerWheel {
		list = append(list, newConfig(WheelTimer, 1, rw))
	}
	return list
}

// IsSystem says whether a topic is one of the fixed names, was made at start, or
// has the system prefix.
func (r *Registry) IsSystem(name string) bool {
	return r.system[name] || strings.HasPrefix(name, systemPrefix)
}

// SystemNames are the fixed names and those made at start, sorted.
func (r *Registry) SystemNames() []string { return sortedKeys(r.system) }
