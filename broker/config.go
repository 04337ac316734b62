package broker

import (
	"os"

	"github.com/skylarkmq/skylark/broker/lock"
)

// Config are the settings of BrokerIdentity and BrokerConfig 5.5.0 that the broker
// acts on, and a few bounds that Java does not have. config_accepted.go has the
// others.
type Config struct {
	// BrokerName identifies a master and its slaves.
	BrokerName string `conf:"brokerName"`
	// BrokerClusterName also creates a topic of that name.
	BrokerClusterName string `conf:"brokerClusterName"`
	// BrokerID is 0 for a master, whatever the file says; there are only masters.
	BrokerID int64 `conf:"brokerId"`
	// BrokerIP1 is the address that is registered and that message ids name.
	BrokerIP1 string `conf:"brokerIP1"`
	// BrokerIP2 is the address for replication.
	BrokerIP2 string `conf:"brokerIP2"`
	// BrokerConfigPath is the file given at start, where changed settings are written.
	BrokerConfigPath string `conf:"brokerConfigPath"`
	// MemoryLimit: what the process may use, heap and what it keeps mapped: an amount such as 512MiB; empty: what its control group
	// allows, none when that has no limit (GOMEMLIMIT then bounds the heap alone); off: none.
	MemoryLimit string `conf:"memoryLimit"`
	// ConfigBlackList: names, separated by `;`, that updateBrokerConfig refuses besides its own.
	ConfigBlackList string `conf:"configBlackList"`

	// AdminAccess: who may ask for what operators ask for; only open, whoever reaches the port, is in this version. Another value is refused.
	AdminAccess string `conf:"adminAccess"`

	// NamesrvAddr: name servers, host:port separated by `;`. A change is seen at the next look-up. Standalone registers at its own only.
	NamesrvAddr string `conf:"namesrvAddr,hot"`
	// FetchNameSrvAddrByDNSLookup: all addresses that a name in NamesrvAddr has, not its first.
	FetchNameSrvAddrByDNSLookup bool `conf:"fetchNameSrvAddrByDnsLookup,hot"`
	// UpdateNameServerAddrPeriod: ms between look-ups of NamesrvAddr.
	UpdateNameServerAddrPeriod int `conf:"updateNameServerAddrPeriod"`
	// RegisterNameServerPeriod: ms between registrations, 10 s to 60 s.
	RegisterNameServerPeriod int `conf:"registerNameServerPeriod"`
	// RegisterBrokerTimeoutMills: how long one registration may take.
	RegisterBrokerTimeoutMills int `conf:"registerBrokerTimeoutMills,hot"`
	// ForceRegister: register even when nothing changed.
	ForceRegister bool `conf:"forceRegister,hot"`
	// EnableSingleTopicRegister: a new topic goes by REGISTER_TOPIC_IN_NAMESRV.
	EnableSingleTopicRegister bool `conf:"enableSingleTopicRegister,hot"`

	// BrokerPermission: 6 read and write, 4 read, 2 write; masks the topics' at registration.
	BrokerPermission int `conf:"brokerPermission,hot"`
	// AutoCreateTopicEnable: unknown topics are made from TBW102.
	AutoCreateTopicEnable bool `conf:"autoCreateTopicEnable,hot"`
	// DefaultTopicQueueNums: queues of TBW102.
	DefaultTopicQueueNums int `conf:"defaultTopicQueueNums"`
	// ClusterTopicEnable: the cluster's topic may be used.
	ClusterTopicEnable bool `conf:"clusterTopicEnable"`
	// BrokerTopicEnable: the broker's topic may be used.
	BrokerTopicEnable bool `conf:"brokerTopicEnable"`
	// TraceTopicEnable: make the topic for traces at start.
	TraceTopicEnable bool `conf:"traceTopicEnable"`
	// MsgTraceTopicName: its name.
	MsgTraceTopicName string `conf:"msgTraceTopicName"`
	// ReviveQueueNum: queues of the POP revive topic.
	ReviveQueueNum int `conf:"reviveQueueNum"`
	// ValidateSystemTopicWhenUpdateTopic: operators may not change system topics.
	ValidateSystemTopicWhenUpdateTopic bool `conf:"validateSystemTopicWhenUpdateTopic,hot"`
	// EnableMixedMessageType: topics may have message.type MIXED.
	EnableMixedMessageType bool `conf:"enableMixedMessageType,hot"`
	// ClearRetryTopicWhenDeleteTopic: POP retry topics go with their topic.
	ClearRetryTopicWhenDeleteTopic bool `conf:"clearRetryTopicWhenDeleteTopic,hot"`
	// AutoDeleteUnusedStats: counters of a topic or group go with it.
	AutoDeleteUnusedStats bool `conf:"autoDeleteUnusedStats,hot"`
	// AutoCreateSubscriptionGroup: unknown consumer groups are made.
	AutoCreateSubscriptionGroup bool `conf:"autoCreateSubscriptionGroup,hot"`
	// EnableCreateSysGroup: so are system groups, whatever AutoCreateSubscriptionGroup says.
	EnableCreateSysGroup bool `conf:"enableCreateSysGroup,hot"`
	// EnableSplitMetadata: answer topic and group lists in pages when asked to.
	EnableSplitMetadata bool `conf:"enableSplitMetadata,hot"`
	// SplitMetadataSize: entries a page.
	SplitMetadataSize int `conf:"splitMetadataSize,hot"`

	// RegionID is the MSG_REGION of every message and answer.
	RegionID string `conf:"regionId,hot"`
	// StoreReplyMessageEnable: keep the replies of request-reply in the cluster's reply topic.
	StoreReplyMessageEnable bool `conf:"storeReplyMessageEnable,hot"`
	// ReplyThreadPoolQueueCapacity: so many replies may be on their way to the clients that asked.
	ReplyThreadPoolQueueCapacity int `conf:"replyThreadPoolQueueCapacity,hot"`
	// EnableLmqStats: count what is read of each light queue apart, not of all together.
	EnableLmqStats bool `conf:"enableLmqStats,hot"`
	// TraceOn is the TRACE_ON of every message and answer.
	TraceOn bool `conf:"traceOn,hot"`
	// RejectTransactionMessage: refuse half messages.
	RejectTransactionMessage bool `conf:"rejectTransactionMessage,hot"`
	// StartAcceptSendRequestTimeStamp: refuse sends before this time, ms.
	StartAcceptSendRequestTimeStamp int64 `conf:"startAcceptSendRequestTimeStamp,hot"`

	// LongPollingEnable: hold pulls that find nothing.
	LongPollingEnable bool `conf:"longPollingEnable,hot"`
	// ShortPollingTimeMills: for so long when LongPollingEnable is off.
	ShortPollingTimeMills int64 `conf:"shortPollingTimeMills,hot,ms"`
	// LitePullMessageEnable: answer LITE_PULL_MESSAGE.
	LitePullMessageEnable bool `conf:"litePullMessageEnable,hot"`
	// RejectPullConsumerEnable: refuse consumers that pull by themselves.
	RejectPullConsumerEnable bool `conf:"rejectPullConsumerEnable,hot"`
	// SlaveReadEnable: send slow readers to a slave.
	SlaveReadEnable bool `conf:"slaveReadEnable,hot"`
	// EnablePropertyFilter: allow SQL92 filters.
	EnablePropertyFilter bool `conf:"enablePropertyFilter,hot"`
	// FilterSupportRetry: SQL92 filters hold for the messages of retry topics too.
	FilterSupportRetry bool `conf:"filterSupportRetry,hot"`
	// FilterDataCleanTimeSpan: ms that consumerFilter.json remembers a group without consumers.
	FilterDataCleanTimeSpan int64 `conf:"filterDataCleanTimeSpan,hot,ms"`
	// ExpectConsumerNumUseFilter: consumers that the bloom filter of a message is sized for.
	ExpectConsumerNumUseFilter int `conf:"expectConsumerNumUseFilter"`
	// MaxErrorRateOfBloomFilter: percent.
	MaxErrorRateOfBloomFilter int `conf:"maxErrorRateOfBloomFilter"`
	// EnableCalcFilterBitMap: with enableConsumeQueueExt, note with each message which groups' expressions it matches.
	EnableCalcFilterBitMap bool `conf:"enableCalcFilterBitMap,hot"`

	// FlushConsumerOffsetInterval: ms between saves of consumerOffset.json.
	FlushConsumerOffsetInterval int `conf:"flushConsumerOffsetInterval"`
	// ConsumerOffsetUpdateVersionStep: so many commits move the version.
	ConsumerOffsetUpdateVersionStep int64 `conf:"consumerOffsetUpdateVersionStep,hot"`
	// DelayOffsetUpdateVersionStep: so many deliveries of delay levels move theirs.
	DelayOffsetUpdateVersionStep int64 `conf:"delayOffsetUpdateVersionStep,hot"`
	// UseServerSideResetOffset: resets reach consumers by their next pull.
	UseServerSideResetOffset bool `conf:"useServerSideResetOffset,hot"`
	// EnableBroadcastOffsetStore: note how far broadcast consumers are, for those that move between a proxy and the broker.
	EnableBroadcastOffsetStore bool `conf:"enableBroadcastOffsetStore,hot"`
	// BroadcastOffsetExpireSecond: how long after the last pull of a client that is gone.
	BroadcastOffsetExpireSecond int64 `conf:"broadcastOffsetExpireSecond,hot,s"`
	// BroadcastOffsetExpireMaxSecond: of one that is still online.
	BroadcastOffsetExpireMaxSecond int64 `conf:"broadcastOffsetExpireMaxSecond,hot,s"`

	// ServerLoadBalancerEnable: QUERY_ASSIGNMENT shares queues; off, every client gets all.
	ServerLoadBalancerEnable bool `conf:"serverLoadBalancerEnable,hot"`
	// LoadBalancePollNameServerInterval: ms that a route is remembered for it.
	LoadBalancePollNameServerInterval int64 `conf:"loadBalancePollNameServerInterval,hot,ms"`
	// DefaultMessageRequestMode: PULL; POP is not in this version and taken for PULL.
	DefaultMessageRequestMode string `conf:"defaultMessageRequestMode,hot"`
	// RebalanceLockMaxLiveTime: ms that the lock of an orderly consumer holds without being renewed; the original's system
	// property rocketmq.broker.rebalance.lockMaxLiveTime.
	RebalanceLockMaxLiveTime int64 `conf:"rebalanceLockMaxLiveTime,hot,ms"`

	// NotifyConsumerIdsChangedEnable: tell consumers that their group changed.
	NotifyConsumerIDsChangedEnable bool `conf:"notifyConsumerIdsChangedEnable,hot"`
	// RealTimeNotifyConsumerChange: at once, or every 15 s.
	RealTimeNotifyConsumerChange bool `conf:"realTimeNotifyConsumerChange,hot"`
	// ChannelExpiredTimeout: ms without a heartbeat after which a consumer is forgotten; a producer is after 120000.
	ChannelExpiredTimeout int64 `conf:"channelExpiredTimeout,ms"`
	// SubscriptionExpiredTimeout: ms that what came with a pull is remembered.
	SubscriptionExpiredTimeout int64 `conf:"subscriptionExpiredTimeout,ms"`
	// RejectConflictingSubscription: refuse a client whose subscriptions are not those of its consumer group.
	RejectConflictingSubscription bool `conf:"rejectConflictingSubscription,hot"`
	// SubscriptionConflictGraceTime: ms that members of a group may differ, as they do in a rolling upgrade, before it is told.
	SubscriptionConflictGraceTime int64 `conf:"subscriptionConflictGraceTime,hot,ms"`
	// EnableRegisterProducer: false, with RejectTransactionMessage, leaves out producers that are new.
	EnableRegisterProducer bool `conf:"enableRegisterProducer,hot"`

	// WaitTimeMillsInSendQueue: ms after which a send that waits for a worker is answered SYSTEM_BUSY. Only what needs a topic
	// made or an old message read waits there, so that less than 3000 counts as 3000. For sends that wait for a disk it is osPageCacheBusyTimeOutMills.
	WaitTimeMillsInSendQueue int64 `conf:"waitTimeMillsInSendQueue,hot,ms"`
	// WaitTimeMillsInPullQueue: ms after which a pull that waits for a worker is answered SYSTEM_BUSY; 0: it waits any time.
	WaitTimeMillsInPullQueue int64 `conf:"waitTimeMillsInPullQueue,hot,ms"`
	// WaitTimeMillsInHeartbeatQueue: ms for heartbeats, checks of filters, locks of queues and QUERY_ASSIGNMENT, as waitTimeMillsInPullQueue is for pulls.
	WaitTimeMillsInHeartbeatQueue int64 `conf:"waitTimeMillsInHeartbeatQueue,hot,ms"`
	// WaitTimeMillsInTransactionQueue: ms for END_TRANSACTION and RESUME_CHECK_HALF_MESSAGE, as waitTimeMillsInPullQueue is for pulls.
	WaitTimeMillsInTransactionQueue int64 `conf:"waitTimeMillsInTransactionQueue,hot,ms"`
	// WaitTimeMillsInAckQueue: ms for acknowledgements of POP, which is not in this version: without effect.
	WaitTimeMillsInAckQueue int64 `conf:"waitTimeMillsInAckQueue,hot,ms"`
	// WaitTimeMillsInAdminBrokerQueue: ms for what operators ask for, as waitTimeMillsInPullQueue is for pulls. What searches the store waits any time.
	WaitTimeMillsInAdminBrokerQueue int64 `conf:"waitTimeMillsInAdminBrokerQueue,hot,ms"`

	// LockInStrictMode: with totalReplicas above 1 a queue is locked when most of the brokers of one name say so.
	LockInStrictMode bool `conf:"lockInStrictMode,hot"`

	// MetricsExporterType: PROM serves /metrics to a Prometheus, DISABLE nothing; OTLP_GRPC and LOG are not in this version.
	MetricsExporterType string `conf:"metricsExporterType"`
	// MetricsPromExporterHost: where; brokerIP1 when blank.
	MetricsPromExporterHost string `conf:"metricsPromExporterHost"`
	// MetricsPromExporterPort: on which port.
	MetricsPromExporterPort int `conf:"metricsPromExporterPort"`
	// MetricsLabel: more labels for every sample, `name:value,name:value`.
	MetricsLabel string `conf:"metricsLabel"`
	// MetricsOtelCardinalityLimit: label sets of one instrument; what is beyond is counted as one.
	MetricsOtelCardinalityLimit int `conf:"metricsOtelCardinalityLimit"`
	// EnableTransactionMetrics: tell of transactions.
	EnableTransactionMetrics bool `conf:"enableTransactionMetrics"`
	// EnableStatsMetrics: tell of messages that groups were given.
	EnableStatsMetrics bool `conf:"enableStatsMetrics"`

	// TransactionTimeOut: ms after its birth in which a half message is not checked.
	TransactionTimeOut int64 `conf:"transactionTimeOut,hot,ms"`
	// TransactionCheckMax: so many checks, then a half message is discarded.
	TransactionCheckMax int `conf:"transactionCheckMax,hot"`
	// TransactionCheckInterval: ms between rounds of checks.
	TransactionCheckInterval int64 `conf:"transactionCheckInterval,hot,ms"`
	// TransactionMetricFlushInterval: ms between saves of transactionMetrics.
	TransactionMetricFlushInterval int64 `conf:"transactionMetricFlushInterval,hot,ms"`
	// TransactionOpMsgMaxSize: bytes that make an op record be written at once.
	TransactionOpMsgMaxSize int `conf:"transactionOpMsgMaxSize,hot"`
	// TransactionOpBatchInterval: ms between op records otherwise.
	TransactionOpBatchInterval int `conf:"transactionOpBatchInterval,hot"`
	// MaxOpenTransactions: half messages beyond are refused as any overload is. 200 bytes of memory each.
	MaxOpenTransactions int `conf:"maxOpenTransactions,hot"`

	// MaxTopicNums: more topics are refused; 0: no bound.
	MaxTopicNums int `conf:"maxTopicNums"`
	// MaxGroupNums: more consumer groups are refused; 0: no bound.
	MaxGroupNums int `conf:"maxGroupNums"`
	// MaxHeldPulls: pulls that wait; for more, those of the connection that has most are answered. A queue of one
	// topic may have MaxHeldPullsPerQueue of them.
	MaxHeldPulls int `conf:"maxHeldPulls"`
	// MaxHeldPullsPerQueue: pulls that wait for one queue; for more, those of the connection that has most of them are answered. 0: no bound.
	MaxHeldPullsPerQueue int `conf:"maxHeldPullsPerQueue"`
	// MaxSuspendTimeMills bounds what clients ask a pull to wait.
	MaxSuspendTimeMills int64 `conf:"maxSuspendTimeMills,hot,ms"`
}

const adminOpen = "open"

// DefaultConfig has the defaults of 5.5.0; name and addresses are this host's.
func DefaultConfig() Config {
	ip := localIP()
	return Config{
		BrokerName: hostName(), BrokerClusterName: "DefaultCluster", BrokerIP1: ip, BrokerIP2: ip,
		ConfigBlackList: "configBlackList;brokerConfigPath", AdminAccess: adminOpen,
		NamesrvAddr: os.Getenv("NAMESRV_ADDR"), UpdateNameServerAddrPeriod: 120_000,
		RegisterNameServerPeriod: 30_000, RegisterBrokerTimeoutMills: 24_000, ForceRegister: true,
		BrokerPermission: 6, AutoCreateTopicEnable: true, DefaultTopicQueueNums: 8,
		ClusterTopicEnable: true, BrokerTopicEnable: true, MsgTraceTopicName: "RMQ_SYS_TRACE_TOPIC", ReviveQueueNum: 8,
		ValidateSystemTopicWhenUpdateTopic: true, ClearRetryTopicWhenDeleteTopic: true, AutoDeleteUnusedStats: true,
		AutoCreateSubscriptionGroup: true, EnableCreateSysGroup: true, EnableSplitMetadata: true, SplitMetadataSize: 2000,
		RegionID: "DefaultRegion", TraceOn: true, StoreReplyMessageEnable: true, ReplyThreadPoolQueueCapacity: 10000,
		LongPollingEnable: true, ShortPollingTimeMills: 1000, LitePullMessageEnable: true,
		FilterDataCleanTimeSpan: 86_400_000, ExpectConsumerNumUseFilter: 32, MaxErrorRateOfBloomFilter: 20,
		FlushConsumerOffsetInterval: 5000, ConsumerOffsetUpdateVersionStep: 500, DelayOffsetUpdateVersionStep: 200, UseServerSideResetOffset: true,
		EnableBroadcastOffsetStore: true, BroadcastOffsetExpireSecond: 120, BroadcastOffsetExpireMaxSecond: 300,
		ServerLoadBalancerEnable: true, LoadBalancePollNameServerInterval: 30_000, DefaultMessageRequestMode: "PULL",
		RebalanceLockMaxLiveTime:       lock.DefaultMaxLiveMs,
		NotifyConsumerIDsChangedEnable: true, RealTimeNotifyConsumerChange: true,
		ChannelExpiredTimeout: 120_000, SubscriptionExpiredTimeout: 600_000,
		SubscriptionConflictGraceTime: 60_000, EnableRegisterProducer: true,
		WaitTimeMillsInSendQueue: 200, WaitTimeMillsInPullQueue: 5000, WaitTimeMillsInHeartbeatQueue: 31_000,
		WaitTimeMillsInTransactionQueue: 3000, WaitTimeMillsInAckQueue: 3000, WaitTimeMillsInAdminBrokerQueue: 5000,
		MetricsExporterType: metricsOff, MetricsPromExporterPort: 5557, MetricsOtelCardinalityLimit: 50000,
		EnableTransactionMetrics: true, EnableStatsMetrics: true,
		TransactionTimeOut: 6000, TransactionCheckMax: 15, TransactionCheckInterval: 30_000, TransactionMetricFlushInterval: 10_000,
		TransactionOpMsgMaxSize: 4096, TransactionOpBatchInterval: 3000, MaxOpenTransactions: 1_000_000,
		MaxTopicNums: 200_000, MaxGroupNums: 200_000,
		MaxHeldPulls: 200_000, MaxHeldPullsPerQueue: 20_000, MaxSuspendTimeMills: 600_000,
	}
}

func hostName() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "DEFAULT_BROKER"
}
