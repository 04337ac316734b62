package metrics

// The instruments, all of them. Those without a comment are the Java broker's, under
// the names at which its exporter of 5.x arrives (broker names with units appended);
// ours begin with skylark_.
const (
	HalfMessages     = "rocketmq_half_messages"
	CommitMessages   = "rocketmq_commit_messages_total"
	RollbackMessages = "rocketmq_rollback_messages_total"
	// FinishLatency holds seconds, whatever its name says: so it does in Java.
	FinishLatency = "rocketmq_finish_message_latency_milliseconds"

	BrokerPermission    = "rocketmq_broker_permission"
	TopicNumber         = "rocketmq_topic_number"
	ConsumerGroupNumber = "rocketmq_consumer_group_number"
	MessagesOut         = "rocketmq_messages_out_total"
	ThroughputOut       = "rocketmq_throughput_out_total"

	// TransactionOldestAge: seconds since the birth of the oldest open half message.
	TransactionOldestAge = "skylark_transaction_oldest_age_seconds"
	// TransactionChecks by what came of them: sent, unheard (no producer), answered.
	TransactionChecks = "skylark_transaction_checks_total"
	// TransactionDiscarded went to TRANS_CHECK_MAX_TIME_TOPIC.
	TransactionDiscarded = "skylark_transaction_discarded_total"
	// DiskFaults are the errors that the disk gave the store, by kind: no_space,
	// read_only, io_error, mapping, no_descriptors, other.
	DiskFaults = "skylark_disk_faults_total"
	// LoopStandIns: times a loop was caught by the disk in its own write.
	LoopStandIns = "skylark_loop_stand_ins_total"
	// StoreRefusing is 1 for each reason why messages are refused now.
	StoreRefusing = "skylark_store_refusing"
	// TransactionRefused were over maxOpenTransactions.
	TransactionRefused = "skylark_transaction_refused_total"

	// SubscriptionConflicts: consumer groups whose members have subscribed differently for longer than the grace time.
	SubscriptionConflicts = "skylark_subscription_conflicts"
	// SubscriptionConflictsRejected: heartbeats refused for rejectConflictingSubscription.
	SubscriptionConflictsRejected = "skylark_subscription_conflicts_rejected_total"
	// DeadLetters of a group that were neither sent again nor purged.
	DeadLetters = "skylark_dead_letters"
	// DeadLettersOldestAge: seconds since the oldest of them was stored.
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
