package metrics

// The instruments, all of them; docs/metrics.md is made of this list. Those that begin with rocketmq_ are the Java
// broker's, under the names at which its exporter of 5.x arrives (broker names with units appended); ours begin with
// skylark_.
const (
	// BrokerPermission: brokerPermission: 2 to write, 4 to read, 6 for both.
	BrokerPermission = "rocketmq_broker_permission"
	// TopicNumber: topics, those of the system included.
	TopicNumber = "rocketmq_topic_number"
	// ConsumerGroupNumber: consumer groups that are known, connected or not.
	ConsumerGroupNumber = "rocketmq_consumer_group_number"
	// MessagesOut: messages given to consumers, by topic, consumer_group and is_system.
	MessagesOut = "rocketmq_messages_out_total"
	// ThroughputOut: their bytes, by the same.
	ThroughputOut = "rocketmq_throughput_out_total"

	// HalfMessages: open now, by topic.
	HalfMessages = "rocketmq_half_messages"
	// CommitMessages: commits since the start, by topic.
	CommitMessages = "rocketmq_commit_messages_total"
	// RollbackMessages: rollbacks since the start, by topic.
	RollbackMessages = "rocketmq_rollback_messages_total"
	// FinishLatency: from a half message's birth to its commit, by topic; in seconds, whatever its name says: so it is in Java.
	FinishLatency = "rocketmq_finish_message_latency_milliseconds"

	// TransactionOldestAge: seconds since the birth of the oldest open half message.
	TransactionOldestAge = "skylark_transaction_oldest_age_seconds"
	// TransactionChecks: by result, what came of them: sent, unheard (no producer), answered.
	TransactionChecks = "skylark_transaction_checks_total"
	// TransactionDiscarded: half messages given up; they went to TRANS_CHECK_MAX_TIME_TOPIC.
	TransactionDiscarded = "skylark_transaction_discarded_total"
	// TransactionRefused: half messages over maxOpenTransactions.
	TransactionRefused = "skylark_transaction_refused_total"

	// DiskFaults: errors that the disk gave the store, by fault: no_space, read_only, io_error, mapping, no_descriptors, other.
	DiskFaults = "skylark_disk_faults_total"
	// StoreRefusing: 1 while a reason holds to refuse messages, or to restart, by reason; those of the index and of flushes of the queues refuse none.
	StoreRefusing = "skylark_store_refusing"
	// LoopStandIns: times an event loop was caught by the disk in its own write.
	LoopStandIns = "skylark_loop_stand_ins_total"

	// SubscriptionConflicts: consumer groups whose members have subscribed differently for longer than the grace time.
	SubscriptionConflicts = "skylark_subscription_conflicts"
	// SubscriptionConflictsRejected: heartbeats refused for rejectConflictingSubscription.
	SubscriptionConflictsRejected = "skylark_subscription_conflicts_rejected_total"
	// DeadLetters: those of a group that were neither sent again nor purged, by consumer_group.
	DeadLetters = "skylark_dead_letters"
	// DeadLettersOldestAge: seconds since the oldest of them was stored, by consumer_group.
	DeadLettersOldestAge = "skylark_dead_letters_oldest_age_seconds"
)

// Scope is the Java broker's meter.
const Scope = "broker-meter"

// Labels. The first four are on every sample.
const (
	LabelScope    = "otel_scope_name"
	LabelCluster  = "cluster"
	LabelNodeType = "node_type"
	LabelNodeID   = "node_id"

	LabelTopic         = "topic"
	LabelConsumerGroup = "consumer_group"
	LabelSystem        = "is_system"
	LabelResult        = "result"
	LabelFault         = "fault"
	LabelReason        = "reason"
)
